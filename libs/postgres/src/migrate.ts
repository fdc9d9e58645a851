import { createHash } from 'node:crypto';
import { DataSource, type MigrationInterface } from 'typeorm';
import { dataSourceOptions, isSingleSession } from './database.js';

export interface MigrateOptions {
  /** The service's own schema; made first where it is missing. */
  readonly schema: string;
  /** In the order of the time stamp that ends each class's name. */
  readonly migrations: readonly (new () => MigrationInterface)[];
}

/**
 * Brings one service's schema up to date, and notes what ran in `<schema>.migration`. Each migration is a
 * transaction of its own. Several processes may start at once: one migrates, the others wait for it. On the
 * embedded Postgres call it before `openDatabase`, since it opens the one connection for itself.
 */
export async function migrate(url: string, { schema, migrations }: MigrateOptions): Promise<void> {
  if (!/^[a-z_]+$/.test(schema)) throw new Error(`not a schema name: ${schema}`);
  const dataSource = new DataSource({
    // One connection for the migrations, one that holds the lock.
    ...dataSourceOptions(url, `migrate ${schema}`, 2),
    schema,
    migrations: [...migrations],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
  } as ConstructorParameters<typeof DataSource>[0]);
  await dataSource.initialize();
  try {
    if (isSingleSession(url)) await createAndRun(dataSource, schema);
    else await holdingLock(dataSource, schema, () => createAndRun(dataSource, schema));
  } finally {
    await dataSource.destroy();
  }
}

async function createAndRun(dataSource: DataSource, schema: string): Promise<void> {
  await dataSource.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await dataSource.runMigrations();
}

async function holdingLock(dataSource: DataSource, schema: string, work: () => Promise<void>): Promise<void> {
  const holder = dataSource.createQueryRunner();
  const lock = createHash('sha256').update(`migrate ${schema}`).digest().readBigInt64BE().toString();
  try {
    // The session ends with the connection, and the lock with it, also after a crash.
    await holder.query('SELECT pg_advisory_lock($1)', [lock]);
    await work();
    await holder.query('SELECT pg_advisory_unlock($1)', [lock]);
  } finally {
    await holder.release();
  }
}
