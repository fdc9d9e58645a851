import { migrate, type MigratedSchema, type MigrateOptions } from './migrate.js';
import { refuseBesideStandalone } from './sole-use.js';
import { waitForSchema } from './wait-for-schema.js';

/** Where a service's database is, and who brings its schema up to date. */
export interface DatabaseAddress {
  /** Logs in as the service's role, which owns nothing. */
  readonly DATABASE_URL: string;
  /** Logs in as the owner of the schemas. If it is left out, migrations run under `DATABASE_URL`. */
  readonly DATABASE_MIGRATION_URL?: string | undefined;
  /** `wait`: this process never migrates; it waits until another one has. Otherwise it migrates. */
  readonly TOLLGATE_MIGRATIONS?: 'run' | 'wait' | undefined;
}

/**
 * Prepares a database for a service that runs as its own process, before the service opens its pool: makes its roles
 * and brings its schema up to date, or waits until somebody else has done so. `warn` receives lines about what it waits
 * for, and about migrations that later releases ran.
 * @throws {StartFault} in one line, if the database cannot be used
 */
export async function prepareDatabase(
  { DATABASE_URL, DATABASE_MIGRATION_URL, TOLLGATE_MIGRATIONS }: DatabaseAddress,
  schema: MigrateOptions,
  warn: (line: string) => void,
): Promise<void> {
  if (TOLLGATE_MIGRATIONS === 'wait') {
    tellOfNewer(await waitForSchema(DATABASE_URL, schema, warn), warn);
    return refuseBesideStandalone(DATABASE_URL);
  }
  const url = DATABASE_MIGRATION_URL ?? DATABASE_URL;
  // Under this URL, because the service's role may not exist before the migration.
  await refuseBesideStandalone(url, DATABASE_MIGRATION_URL === undefined ? 'DATABASE_URL' : 'DATABASE_MIGRATION_URL');
  tellOfNewer(await migrate(url, schema, DATABASE_URL), warn);
}

/** Warns if a later release has migrated the schema. That alone does not prevent the start. */
export function tellOfNewer({ schema, newer }: MigratedSchema, warn: (line: string) => void): void {
  if (newer.length > 0)
    warn(`a later release has migrated the schema ${schema}, and left it readable for this one: ${newer.join(', ')}`);
}
