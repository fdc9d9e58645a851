import { StartFault } from '@tollgate/app-process';
import type { DataSource } from 'typeorm';
import { isSingleSession } from './database.js';
import { canRead, RELEASE } from './release.js';

interface Reach {
  readonly name: string;
  readonly readableFrom: string;
}

/**
 * Looks at what later releases have done to a schema, and resolves with the names of their migrations, oldest first.
 * @throws {StartFault} where one of them says that releases like this one can no longer use the schema
 */
export async function refuseUnreadable(
  dataSource: DataSource,
  schema: string,
  ours: readonly string[],
): Promise<string[]> {
  const noted = await notedMigrations(dataSource, schema);
  const newer = noted.filter(({ name }) => !ours.includes(name));
  const unreadable = newer.filter(({ readableFrom }) => readableFrom !== null && !canRead(readableFrom));
  if (unreadable.length === 0) return newer.map(({ name }) => name);
  const [variable, database] = isSingleSession((dataSource.options as { url?: string }).url ?? '')
    ? ['TOLLGATE_DATA', 'folder']
    : ['DATABASE_URL', 'database'];
  const which = unreadable
    .map(({ name, readableFrom }) => `${name}, readable from release ${readableFrom} on`)
    .join('; ');
  throw new StartFault(
    variable!,
    `a later release has changed the schema ${schema} so that release ${RELEASE} cannot use it (${which}); start that release, or name another ${database}`,
  );
}

/** Writes down from which release on each of our migrations leaves the schema readable, where that is not noted yet. */
export async function noteReadableFrom(dataSource: DataSource, schema: string, ours: readonly Reach[]): Promise<void> {
  const noted = new Map(
    (await notedMigrations(dataSource, schema)).map(({ name, readableFrom }) => [name, readableFrom]),
  );
  const missing = ours.filter(({ name }) => noted.get(name) === null);
  if (missing.length === 0) return;
  // The releases before this one neither write the column nor read it.
  await dataSource.query(`ALTER TABLE ${schema}.migration ADD COLUMN IF NOT EXISTS readable_from text`);
  await dataSource.query(
    `UPDATE ${schema}.migration AS m SET readable_from = n.readable_from
     FROM unnest($1::text[], $2::text[]) AS n (name, readable_from) WHERE m.name = n.name AND m.readable_from IS NULL`,
    [missing.map(({ name }) => name), missing.map(({ readableFrom }) => readableFrom)],
  );
}

/** As JSON, so that a table without the column, of an older release, can be asked too. */
async function notedMigrations(
  dataSource: DataSource,
  schema: string,
): Promise<{ name: string; readableFrom: string | null }[]> {
  const [table] = await dataSource.query<{ there: boolean }[]>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `${schema}.migration`,
  ]);
  if (table?.there !== true) return [];
  return dataSource.query(
    `SELECT m.name, to_jsonb(m)->>'readable_from' AS "readableFrom" FROM ${schema}.migration AS m ORDER BY m.id`,
  );
}
