import { createHash } from 'node:crypto';
import { codeOf, StartFault } from '@tollgate/app-process';
import { DataSource, type Logger, type MigrationInterface } from 'typeorm';
import { dataSourceOptions, isSingleSession } from './database.js';
import { databaseFault } from './database-fault.js';
import { notedMigrations, noteReadableFrom, refuseUnreadable } from './schema-reach.js';
import { checkLogin, checkRights } from './schema-rights.js';
import { OWNER_SETTING } from './service-database.js';
import { ensureServiceRoles, ensureTimeOuts, rolesOf, type ServiceSchema } from './service-roles.js';

/** A step of a service's schema, with the oldest release that can still use the schema once it has run. */
export interface Migration extends MigrationInterface {
  /**
   * A release, such as `0.1.0`. A migration that only adds what older code does not read names the release before it. A
   * migration that removes or changes what older code uses names the first release that works without it. The database
   * stores this, so that older releases know whether they may start.
   */
  readonly readableFrom: string;
}

/** A service's schema and the migrations that make it. */
export interface MigrateOptions {
  /** The service's own schema; it is created if it is missing. */
  readonly schema: string;
  /** Ordered by the time stamp at the end of each class's name. */
  readonly migrations: readonly (new () => Migration)[];
  /** The schema again if it is a service's, whose roles must be there before its migrations. */
  readonly serviceSchema?: ServiceSchema;
}

/** What PostgreSQL answers a role that may not do what it asks for. */
const INSUFFICIENT_PRIVILEGE = '42501';

const silent = (): void => undefined;
/**
 * TypeORM prints a failed migration even with `logging: false`; the error that is thrown already says it in one line.
 */
const SILENT: Logger = {
  logQuery: silent,
  logQueryError: silent,
  logQuerySlow: silent,
  logSchemaBuild: silent,
  logMigration: silent,
  log: silent,
};

/** The result of a migration, for the log of the start. */
export interface MigratedSchema {
  readonly schema: string;
  /** Migrations of later releases that have run and left the schema usable for this one. */
  readonly newer: readonly string[];
}

/**
 * Brings one service's schema up to date, and records the migrations in `<schema>.migration`. Each migration runs in a
 * transaction of its own. If several processes start at once, one migrates and the others wait for it. On the embedded
 * Postgres call it before `openDatabase`, since it opens the only connection itself. `loginUrl` is the URL that the
 * service connects with afterwards; its user is let act as the roles of the service.
 * @throws {StartFault} in one line: the server cannot be reached or refuses the login, the role lacks rights, the
 * schema cannot be brought up to date, or a later release has made it unusable for this one
 */
export async function migrate(url: string, options: MigrateOptions, loginUrl: string = url): Promise<MigratedSchema> {
  const { schema, migrations, serviceSchema } = options;
  if (!/^[a-z_]+$/.test(schema)) throw new Error(`not a schema name: ${schema}`);
  const variable = url === loginUrl ? 'DATABASE_URL' : 'DATABASE_MIGRATION_URL';
  const dataSource = new DataSource({
    // One connection runs the migrations, and one holds the lock. Under the policies of tables the owner sees rows only
    // if it says that it is one.
    ...dataSourceOptions(url, `migrate ${schema}`, 2, { options: `-c ${OWNER_SETTING}=on` }),
    schema,
    migrations: [...migrations],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    logger: SILENT,
  } as ConstructorParameters<typeof DataSource>[0]);
  try {
    await dataSource.initialize();
    if (isSingleSession(url)) return await createAndRun(url, dataSource, options);
    await refuseWithoutSettings(dataSource, variable);
    const migrated = await holdingLock(dataSource, schema, () => createAndRun(url, dataSource, options, loginUrl));
    if (serviceSchema === undefined) await checkRights(dataSource, schema);
    else await checkLogin(loginUrl, serviceSchema);
    return migrated;
  } catch (error) {
    throw databaseFault(
      url,
      error,
      dataSource.isInitialized ? `the schema ${schema} cannot be brought up to date` : 'PostgreSQL cannot be used',
      variable,
    );
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

/** The migrations of this release by name, each with the oldest release that can use the schema after it. */
export const migrationsOf = ({
  migrations,
}: MigrateOptions): { readonly name: string; readonly readableFrom: string }[] =>
  migrations
    .map((each) => new each())
    .map(({ name, constructor, readableFrom }) => ({ name: name ?? constructor.name, readableFrom }));

async function createAndRun(
  url: string,
  dataSource: DataSource,
  options: MigrateOptions,
  loginUrl?: string,
): Promise<MigratedSchema> {
  const { schema, serviceSchema } = options;
  if (serviceSchema !== undefined) {
    await ensureServiceRoles(dataSource, serviceSchema, loginUrl);
    // Before the service logs in: a session that a pooler has opened earlier has none.
    if (loginUrl !== undefined) await tryToEnsureTimeOuts(dataSource, serviceSchema);
  }
  const ours = migrationsOf(options);
  const noted = await notedMigrations(dataSource, schema);
  const newer = refuseUnreadable(url, schema, noted, ours);
  // A role that owns nothing can start a service whose schema is up to date.
  if (ours.every(({ name }) => noted.some((each) => each.name === name && each.readableFrom !== null)))
    return { schema, newer };
  // Look first: CREATE SCHEMA IF NOT EXISTS needs the right to create schemas even if the schema exists.
  const [found] = await dataSource.query<{ there: boolean }[]>('SELECT to_regnamespace($1) IS NOT NULL AS there', [
    schema,
  ]);
  if (found?.there !== true) await dataSource.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await dataSource.runMigrations();
  await noteReadableFrom(dataSource, schema, noted, ours);
  return { schema, newer };
}

/** An owner that may not change the role leaves that to the role itself, which does it when it logs in. */
async function tryToEnsureTimeOuts(dataSource: DataSource, schema: ServiceSchema): Promise<void> {
  try {
    await ensureTimeOuts(dataSource, rolesOf(schema).service);
  } catch (error) {
    if (codeOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
  }
}

/**
 * Refuses sessions without the setting that migrations give them. A pooler that leaves it out
 * (`ignore_startup_parameters` of PgBouncer) would also keep their lock in a session of the server, and without the
 * setting they see no rows of tenants.
 */
async function refuseWithoutSettings(
  dataSource: DataSource,
  variable: 'DATABASE_URL' | 'DATABASE_MIGRATION_URL',
): Promise<void> {
  const [session] = await dataSource.query<{ is_owner: boolean }[]>(
    `SELECT coalesce(current_setting($1, true), '') = 'on' AS is_owner`,
    [OWNER_SETTING],
  );
  if (session?.is_owner !== true)
    throw new StartFault(
      variable,
      'the settings that migrations give their sessions are left out, by a pooler in front of PostgreSQL or because of options in the URL; let DATABASE_MIGRATION_URL name the server itself, without options',
    );
}

async function holdingLock<T>(dataSource: DataSource, schema: string, work: () => Promise<T>): Promise<T> {
  const holder = dataSource.createQueryRunner();
  const lock = createHash('sha256').update(`migrate ${schema}`).digest().readBigInt64BE().toString();
  try {
    // The lock ends with the session, and the session with the connection, also after a crash.
    await holder.query('SELECT pg_advisory_lock($1)', [lock]);
    const result = await work();
    await holder.query('SELECT pg_advisory_unlock($1)', [lock]);
    return result;
  } finally {
    await holder.release();
  }
}
