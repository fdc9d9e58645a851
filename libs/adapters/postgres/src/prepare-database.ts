import { migrate, type MigratedSchema, type MigrateOptions } from './migrate.js';
import { refuseBesideStandalone } from './sole-use.js';

/**
 * Prepares a database for a service that runs as its own process, before the service opens its pool. `warn` receives a
 * line about migrations that later releases ran.
 * @throws {StartFault} in one line, if the database cannot be used
 */
export async function prepareDatabase(
  url: string,
  schema: MigrateOptions,
  warn: (line: string) => void,
): Promise<void> {
  await refuseBesideStandalone(url);
  tellOfNewer(await migrate(url, schema), warn);
}

/** Warns if a later release has migrated the schema. That alone does not prevent the start. */
export function tellOfNewer({ schema, newer }: MigratedSchema, warn: (line: string) => void): void {
  if (newer.length > 0)
    warn(`a later release has migrated the schema ${schema}, and left it readable for this one: ${newer.join(', ')}`);
}
