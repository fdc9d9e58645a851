import { createHash } from 'node:crypto';
import { DataSource, type Logger, type MigrationInterface } from 'typeorm';
import { dataSourceOptions, isSingleSession } from './database.js';
import { databaseFault } from './database-fault.js';
import { notedMigrations, noteReadableFrom, refuseUnreadable } from './schema-reach.js';
import { checkRights } from './schema-rights.js';

/** A step of a service's schema, with the oldest release that can still use the schema once it has run. */
export interface Migration extends MigrationInterface {
  /**
   * As `0.1.0`. A migration that adds what older code does not look at names the release that was there before it; one
   * that takes away or changes what older code uses names the first release that can do without. It is noted in the
   * database, so that older releases know whether they may start.
   */
  readonly readableFrom: string;
}

export interface MigrateOptions {
  /** The service's own schema; made first where it is missing. */
  readonly schema: string;
  /** In the order of the time stamp that ends each class's name. */
  readonly migrations: readonly (new () => Migration)[];
}

const silent = (): void => undefined;
/** TypeORM would print a migration that fails even so; what is thrown says it, in one line. */
const SILENT: Logger = {
  logQuery: silent,
  logQueryError: silent,
  logQuerySlow: silent,
  logSchemaBuild: silent,
  logMigration: silent,
  log: silent,
};

/** What a start should say of a schema. */
export interface MigratedSchema {
  readonly schema: string;
  /** Migrations of later releases that have run, and leave the schema readable for this one. */
  readonly newer: readonly string[];
}

/**
 * Brings one service's schema up to date, and notes what ran in `<schema>.migration`. Each migration is a
 * transaction of its own. Several processes may start at once: one migrates, the others wait for it. On the
 * embedded Postgres call it before `openDatabase`, since it opens the one connection for itself.
 * @throws {StartFault} in one line: no server lets us in, the role lacks rights, the schema cannot be brought up to
 * date, or a
 * later release has made it unreadable for this one
 */
export async function migrate(url: string, options: MigrateOptions): Promise<MigratedSchema> {
  const { schema, migrations } = options;
  if (!/^[a-z_]+$/.test(schema)) throw new Error(`not a schema name: ${schema}`);
  const dataSource = new DataSource({
    // One connection for the migrations, one that holds the lock.
    ...dataSourceOptions(url, `migrate ${schema}`, 2),
    schema,
    migrations: [...migrations],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    logger: SILENT,
  } as ConstructorParameters<typeof DataSource>[0]);
  try {
    await dataSource.initialize();
    if (isSingleSession(url)) return await createAndRun(url, dataSource, options);
    const migrated = await holdingLock(dataSource, schema, () => createAndRun(url, dataSource, options));
    await checkRights(dataSource, schema);
    return migrated;
  } catch (error) {
    throw databaseFault(
      url,
      error,
      dataSource.isInitialized ? `the schema ${schema} cannot be brought up to date` : 'PostgreSQL cannot be used',
    );
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

async function createAndRun(
  url: string,
  dataSource: DataSource,
  { schema, migrations }: MigrateOptions,
): Promise<MigratedSchema> {
  // Without the question, CREATE would ask for the right to create schemas where there is nothing to create.
  const [found] = await dataSource.query<{ there: boolean }[]>('SELECT to_regnamespace($1) IS NOT NULL AS there', [
    schema,
  ]);
  if (found?.there !== true) await dataSource.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  const ours = migrations
    .map((each) => new each())
    .map(({ name, constructor, readableFrom }) => ({ name: name ?? constructor.name, readableFrom }));
  const noted = await notedMigrations(dataSource, schema);
  const newer = refuseUnreadable(url, schema, noted, ours);
  await dataSource.runMigrations();
  await noteReadableFrom(dataSource, schema, noted, ours);
  return { schema, newer };
}

async function holdingLock<T>(dataSource: DataSource, schema: string, work: () => Promise<T>): Promise<T> {
  const holder = dataSource.createQueryRunner();
  const lock = createHash('sha256').update(`migrate ${schema}`).digest().readBigInt64BE().toString();
  try {
    // The session ends with the connection, and the lock with it, also after a crash.
    await holder.query('SELECT pg_advisory_lock($1)', [lock]);
    const result = await work();
    await holder.query('SELECT pg_advisory_unlock($1)', [lock]);
    return result;
  } finally {
    await holder.release();
  }
}
