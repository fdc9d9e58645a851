import { StartFault } from '@tollgate/app-process';
import { infraFromEnvironment, tempFolder } from '@tollgate/infra';
import { migrate, openDatabase, RELEASE, startEmbeddedPostgres, type Database } from '@tollgate/postgres';
import { DataSource, type MigrationInterface } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

interface Runner {
  query(sql: string): Promise<unknown>;
}
const down = async () => undefined;

class First1700000000001 {
  readonly readableFrom: string = '0.1.0';
  async up(runner: Runner) {
    await runner.query('CREATE TABLE trial.thing (id integer PRIMARY KEY)');
  }
  down = down;
}
class Second1700000000002 {
  readonly readableFrom: string = '0.1.0';
  async up(runner: Runner) {
    await runner.query('ALTER TABLE trial.thing ADD COLUMN size integer');
  }
  down = down;
}
const ours = { schema: 'trial', migrations: [First1700000000001, Second1700000000002] };

/** Migrates as earlier releases did: TypeORM writes its own table of migrations, without `readable_from`. */
async function startOfReleaseBefore(url: string, migrations: readonly (new () => MigrationInterface)[]): Promise<void> {
  const [host, single] = [new URL(url).searchParams.get('host'), new URL(url).searchParams.has('single_session')];
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    schema: 'trial',
    migrations: [...migrations],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    ...(single && host !== null && { poolSize: 1, extra: { idleTimeoutMillis: 0 } }),
  });
  await dataSource.initialize();
  try {
    await dataSource.query('CREATE SCHEMA IF NOT EXISTS trial');
    await dataSource.runMigrations();
  } finally {
    await dataSource.destroy();
  }
}

const shapes = [
  {
    shape: 'embedded',
    variable: 'TOLLGATE_DATA',
    start: async () => {
      const embedded = await startEmbeddedPostgres(tempFolder('embedded-postgres'));
      return { url: embedded.url, stop: embedded.close };
    },
  },
  {
    shape: 'server',
    variable: 'DATABASE_URL',
    start: async () => ({ url: await infraFromEnvironment().createDatabase(), stop: async () => undefined }),
  },
];

describe.each(shapes)('a schema of another release, $shape', ({ variable, start }) => {
  let server: { url: string; stop(): Promise<void> };
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  const asked = async <T>(work: (database: Database) => Promise<T>): Promise<T> => {
    const database = await openDatabase({ url: server.url, poolSize: 1, applicationName: 'contract' });
    return work(database).finally(() => database.close());
  };
  const query = (sql: string, parameters: unknown[] = []) =>
    asked<Record<string, unknown>[]>((database) => database.dataSource.query(sql, parameters));
  const noted = () => query('SELECT name, readable_from FROM trial.migration ORDER BY id');
  /** Simulates that a later release has run a migration. */
  const later = (name: string, readableFrom: string | null) =>
    query('INSERT INTO trial.migration ("timestamp", name, readable_from) VALUES (1800000000000, $1, $2)', [
      name,
      readableFrom,
    ]);
  beforeEach(() => query('DROP SCHEMA IF EXISTS trial CASCADE'));

  it('is noted with the release from which on it can be read', async () => {
    expect(await migrate(server.url, ours)).toEqual({ schema: 'trial', newer: [] });
    expect(await noted()).toEqual([
      { name: 'First1700000000001', readable_from: '0.1.0' },
      { name: 'Second1700000000002', readable_from: '0.1.0' },
    ]);
    expect(await migrate(server.url, ours)).toEqual({ schema: 'trial', newer: [] });
  });

  it('that is older is brought up to date, whatever that release did not write down', async () => {
    await startOfReleaseBefore(server.url, [First1700000000001]);
    await query('INSERT INTO trial.thing (id) VALUES (7)');
    expect(await migrate(server.url, ours)).toEqual({ schema: 'trial', newer: [] });
    expect(await noted()).toEqual([
      { name: 'First1700000000001', readable_from: '0.1.0' },
      { name: 'Second1700000000002', readable_from: '0.1.0' },
    ]);
    expect(await query('SELECT id, size FROM trial.thing')).toEqual([{ id: 7, size: null }]);
  });

  it('that this release has migrated is one that the release before starts on', async () => {
    await migrate(server.url, ours);
    await startOfReleaseBefore(server.url, [First1700000000001]);
    await startOfReleaseBefore(server.url, [First1700000000001, Second1700000000002]);
    expect(await migrate(server.url, ours)).toEqual({ schema: 'trial', newer: [] });
  });

  it('that is newer is used, and named, where it says that it can be, or says nothing', async () => {
    await migrate(server.url, ours);
    await later('Third1800000000000', RELEASE);
    await later('Fourth1800000000000', null);
    expect((await migrate(server.url, ours)).newer).toEqual(['Third1800000000000', 'Fourth1800000000000']);
  });

  it.each(['0.1.1', '0.2.0', '1.0.0', '99.0.0', 'whenever'])(
    'that can be read from %s on is refused in one line, and left as it is',
    async (readableFrom) => {
      await migrate(server.url, { ...ours, migrations: [First1700000000001] });
      await later('Third1800000000000', readableFrom);
      const refused = await migrate(server.url, ours).then(
        () => null,
        (error: unknown) => error as Error,
      );
      expect(refused).toBeInstanceOf(StartFault);
      expect(refused!.message).toMatch(
        new RegExp(`^${variable}: .*trial.*Third1800000000000, readable from release ${readableFrom} on`),
      );
      expect(refused!.message).not.toContain('\n');
      expect((await noted()).map(({ name }) => name)).toEqual(['First1700000000001', 'Third1800000000000']);
    },
  );

  it('that is of somebody else, and cannot be migrated, is refused in one line', async () => {
    await query('CREATE SCHEMA trial');
    await query('CREATE TABLE trial.thing (something text)');
    const refused = await migrate(server.url, ours).then(
      () => null,
      (error: unknown) => error as Error,
    );
    expect(refused).toBeInstanceOf(StartFault);
    expect(refused!.message).toMatch(
      new RegExp(`^${variable}: the schema trial cannot be brought up to date: .*already exists`),
    );
  });
});

describe('the role of DATABASE_URL', () => {
  const refusalOf = (url: string) =>
    migrate(url, ours).then(
      () => '',
      (error: unknown) => (error instanceof StartFault ? error.message : String(error)),
    );
  let owner: string;
  let stranger: string;
  const run = async (...statements: string[]) => {
    const database = await openDatabase({ url: owner, poolSize: 1, applicationName: 'contract' });
    for (const statement of statements) await database.dataSource.query(statement);
    await database.close();
  };
  beforeEach(async () => {
    owner = await infraFromEnvironment().createDatabase();
    const role = `stranger_${Math.random().toString(36).slice(2)}`;
    const url = new URL(owner);
    [url.username, url.password] = [role, 'hunter22hunter22'];
    stranger = url.href;
    await run(`CREATE ROLE ${role} LOGIN PASSWORD 'hunter22hunter22'`);
  });
  const name = () => new URL(stranger).username;

  it('is told what it may not do, in one line without its password: make a schema, read one, write one', async () => {
    const saidOf = async () => {
      const said = await refusalOf(stranger);
      expect(said).toMatch(/^DATABASE_URL: [^\n]*$/);
      expect(said).not.toContain('hunter22');
      return said;
    };
    expect(await saidOf()).toContain('permission denied for database');
    await migrate(owner, ours);
    expect(await saidOf()).toContain('permission denied for schema trial');
    await run(`GRANT USAGE ON SCHEMA trial TO ${name()}`, `GRANT SELECT ON ALL TABLES IN SCHEMA trial TO ${name()}`);
    expect(await saidOf()).toContain(`the role ${name()} may not read and write trial.migration, trial.thing`);
    await run(`GRANT INSERT ON ALL TABLES IN SCHEMA trial TO ${name()}`);
    expect(await refusalOf(stranger)).toBe('');
  });

  it('is told that the database takes no writes', async () => {
    await migrate(owner, ours);
    await run(`ALTER DATABASE ${new URL(owner).pathname.slice(1)} SET default_transaction_read_only = on`);
    expect(await refusalOf(owner)).toMatch(/^DATABASE_URL: this server takes no writes/);
  });

  it('is told that it may not come in, or that nobody is there', async () => {
    const wrong = new URL(stranger);
    wrong.pathname = '/no_such_database';
    expect(await refusalOf(wrong.href)).toMatch(/^DATABASE_URL: PostgreSQL cannot be used: [^\n]*no_such_database/);
    expect(await refusalOf('postgres://user:hunter22@127.0.0.1:1/x')).toBe(
      'DATABASE_URL: PostgreSQL cannot be used: connect ECONNREFUSED 127.0.0.1:1',
    );
  });
});
