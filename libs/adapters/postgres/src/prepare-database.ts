import { migrate, type MigratedSchema, type MigrateOptions } from './migrate.js';
import { refuseBesideStandalone } from './sole-use.js';

/**
 * Makes a database ready for one service on its own, before it opens its pool; `warn` hears of migrations that later
 * releases ran.
 * @throws {StartFault} in one line, where the database cannot be used
 */
export async function prepareDatabase(
  url: string,
  schema: MigrateOptions,
  warn: (line: string) => void,
): Promise<void> {
  await refuseBesideStandalone(url);
  tellOfNewer(await migrate(url, schema), warn);
}

/** Says that a later release has worked on a schema, where one has: that alone is no reason not to start. */
export function tellOfNewer({ schema, newer }: MigratedSchema, warn: (line: string) => void): void {
  if (newer.length > 0)
    warn(`a later release has migrated the schema ${schema}, and left it readable for this one: ${newer.join(', ')}`);
}
