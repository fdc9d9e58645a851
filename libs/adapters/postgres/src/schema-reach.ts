import { StartFault } from '@tollgate/app-process';
import type { DataSource, EntityManager } from 'typeorm';
import { isSingleSession } from './database.js';
import { canRead, RELEASE } from './release.js';

interface Reach {
  readonly name: string;
  readonly readableFrom: string;
}

/**
 * A migration that has run, of this release or another. `readableFrom` is null if the migration does not say which
 * releases can use the schema after it.
 */
export interface NotedMigration {
  readonly name: string;
  readonly readableFrom: string | null;
}

/**
 * Finds the migrations that later releases ran on a schema. Returns their names, oldest first.
 * @throws {StartFault} if one of them says that this release can no longer use the schema
 */
export function refuseUnreadable(
  url: string,
  schema: string,
  noted: readonly NotedMigration[],
  ours: readonly Reach[],
): string[] {
  const newer = noted.filter(({ name }) => !ours.some((each) => each.name === name));
  const unreadable = newer.filter(({ readableFrom }) => readableFrom !== null && !canRead(readableFrom));
  if (unreadable.length === 0) return newer.map(({ name }) => name);
  const [variable, database] = isSingleSession(url)
    ? (['TOLLGATE_DATA', 'folder'] as const)
    : (['DATABASE_URL', 'database'] as const);
  const which = unreadable
    .map(({ name, readableFrom }) => `${name}, readable from release ${readableFrom} on`)
    .join('; ');
  throw new StartFault(
    variable,
    `a later release has changed the schema ${schema} so that release ${RELEASE} cannot use it (${which}); start that release, or name another ${database}`,
  );
}

/**
 * Stores the `readableFrom` of each of this release's migrations, unless `noted` says that it is stored. Call it after
 * all of them have run.
 */
export async function noteReadableFrom(
  dataSource: DataSource,
  schema: string,
  noted: readonly NotedMigration[],
  ours: readonly Reach[],
): Promise<void> {
  const missing = ours.filter(({ name }) => !noted.some((each) => each.name === name && each.readableFrom !== null));
  if (missing.length === 0) return;
  // Earlier releases neither write nor read this column.
  await dataSource.query(`ALTER TABLE ${schema}.migration ADD COLUMN IF NOT EXISTS readable_from text`);
  await dataSource.query(
    `UPDATE ${schema}.migration AS m SET readable_from = n.readable_from
     FROM unnest($1::text[], $2::text[]) AS n (name, readable_from) WHERE m.name = n.name AND m.readable_from IS NULL`,
    [missing.map(({ name }) => name), missing.map(({ readableFrom }) => readableFrom)],
  );
}

/**
 * The migrations that have run, oldest first. The row is read as JSON, so that the query also works on the table of an
 * older release, which has no such column.
 */
export async function notedMigrations(
  dataSource: Pick<EntityManager, 'query'>,
  schema: string,
): Promise<NotedMigration[]> {
  const [table] = await dataSource.query<{ there: boolean }[]>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `${schema}.migration`,
  ]);
  if (table?.there !== true) return [];
  return dataSource.query(
    `SELECT m.name, to_jsonb(m)->>'readable_from' AS "readableFrom" FROM ${schema}.migration AS m ORDER BY m.id`,
  );
}
