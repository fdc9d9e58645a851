import { randomUUID } from 'node:crypto';
import { asRole, infraFromEnvironment, startPgBouncer, type PgBouncer } from '@tollgate/infra';
import { keyManagementSchema } from '@tollgate/key-management';
import { migrate, openDatabase, prepareDatabase, rolesOf, ServiceDatabase, type Database } from '@tollgate/postgres';
import { usageBillingSchema } from '@tollgate/usage-billing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const { service } = rolesOf('keys');

let pooler: PgBouncer;
let direct: string;
let pooled: string;
let admin: Client;
beforeAll(async () => {
  const infra = infraFromEnvironment();
  direct = await infra.createDatabase();
  pooler = await startPgBouncer(infra.databaseUrl, { roles: [service] });
  pooled = pooler.through(asRole(direct, service));
  admin = new Client({ connectionString: direct });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await pooler?.stop();
});

const warn = (line: string): void => {
  throw new Error(line);
};
const locks = async (): Promise<number> =>
  (
    await admin.query(
      `SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
  ).rowCount!;

describe('a service behind PgBouncer in transaction mode', () => {
  it('starts with a URL through it, beside one for migrations that goes to the server', async () => {
    const { rowCount } = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [service]);
    // The role belongs to the server, and another test may have made it.
    if (rowCount === 1) await admin.query(`ALTER ROLE ${service} RESET ALL`);
    await prepareDatabase({ DATABASE_URL: pooled, DATABASE_MIGRATION_URL: direct }, keyManagementSchema, warn);
    expect(await locks()).toBe(0);
  });

  it('has the time-outs of its role from the first session on that PgBouncer opens for it', async () => {
    const database = await openDatabase({ url: pooled, poolSize: 2, applicationName: 'pooled' });
    const settings = `SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle`;
    const seen = await Promise.all(
      Array.from({ length: 10 }, () => database.dataSource.transaction((manager) => manager.query<object[]>(settings))),
    );
    for (const rows of seen) expect(rows).toEqual([{ statement: '30s', idle: '1min' }]);
    await expect(database.lookUps.ask('keys.keys_by_digests', ['none'])).resolves.toEqual([]);
    await database.close();
  });

  it('starts with that URL alone where another process migrates, and leaves no lock with a session', async () => {
    await Promise.all(
      Array.from({ length: 4 }, () =>
        prepareDatabase({ DATABASE_URL: pooled, TOLLGATE_MIGRATIONS: 'wait' }, keyManagementSchema, warn),
      ),
    );
    expect(await locks()).toBe(0);
  });

  it('mixes no organisations and no roles of clients that share a session', async () => {
    const databases: Database[] = [];
    for (let at = 0; at < 3; at++)
      databases.push(await openDatabase({ url: pooled, poolSize: 5, applicationName: `pooled ${at}` }));
    const context = `SELECT current_setting('tollgate.organization_id', true) AS organization, current_user AS role, pg_backend_pid() AS pid`;
    const pids = new Set<number>();
    await Promise.all(
      Array.from({ length: 150 }, async (_, at) => {
        const keys = new ServiceDatabase(databases[at % 3]!.dataSource, 'keys');
        const organizationId = randomUUID();
        const seen = await keys.inOrganization(organizationId, async (manager) => {
          const rows: { organization: string; role: string; pid: number }[] = [];
          for (let time = 0; time < 3; time++) rows.push(...(await manager.query<typeof rows>(context)));
          return rows;
        });
        for (const { organization, role, pid } of seen) {
          expect({ organization, role }).toEqual({ organization: organizationId, role: service });
          pids.add(pid);
        }
        const across = await keys.acrossOrganizations((manager) => manager.query<{ role: string }[]>(context));
        expect(across).toMatchObject([{ role: rolesOf('keys').allTenants, organization: '' }]);
      }),
    );
    expect(pids.size).toBeLessThanOrEqual(2);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('says by name that migrations need the server itself', async () => {
    const url = pooler.through(direct);
    await expect(migrate(url, usageBillingSchema, url)).rejects.toThrow(
      /^DATABASE_URL: PostgreSQL cannot be used: unsupported startup parameter.*; let DATABASE_MIGRATION_URL name the server itself, since migrations do not go through PgBouncer$/,
    );
  });

  it('says the same where PgBouncer is told to leave settings of sessions out, and migrates nothing', async () => {
    const careless = await startPgBouncer(infraFromEnvironment().databaseUrl, {
      roles: [],
      settings: ['ignore_startup_parameters = options'],
    });
    try {
      await expect(migrate(careless.through(direct), usageBillingSchema, asRole(direct, service))).rejects.toThrow(
        /^DATABASE_MIGRATION_URL: the settings that migrations give their sessions are left out, by a pooler in front of PostgreSQL .*; let DATABASE_MIGRATION_URL name the server itself, without options$/,
      );
      expect((await admin.query(`SELECT to_regnamespace('billing') AS made`)).rows).toEqual([{ made: null }]);
      expect(await locks()).toBe(0);
    } finally {
      await careless.stop();
    }
  });

  it('works as a login of another name once PgBouncer passes over the time-outs, which are then those of the login', async () => {
    const login = `keys_${randomUUID().slice(0, 8)}`;
    await admin.query(
      `CREATE ROLE ${login} LOGIN PASSWORD 'password-of-${login}' IN ROLE ${service}, ${rolesOf('keys').allTenants}`,
    );
    await admin.query(`ALTER ROLE ${login} SET statement_timeout = '30s'`);
    const told = await startPgBouncer(infraFromEnvironment().databaseUrl, {
      roles: [login],
      settings: ['ignore_startup_parameters = statement_timeout,idle_in_transaction_session_timeout'],
    });
    try {
      const url = told.through(asRole(direct, login));
      await prepareDatabase({ DATABASE_URL: url, TOLLGATE_MIGRATIONS: 'wait' }, keyManagementSchema, warn);
      const database = await openDatabase({ url, poolSize: 2, applicationName: 'pooled' });
      const keys = new ServiceDatabase(database.dataSource, 'keys');
      const shown = await keys.outsideOrganizations((manager) => manager.query<object[]>('SHOW statement_timeout'));
      expect(shown).toEqual([{ statement_timeout: '30s' }]);
      await database.close();
    } finally {
      await told.stop();
      await admin.query(`DROP ROLE ${login}`);
    }
  });
});
