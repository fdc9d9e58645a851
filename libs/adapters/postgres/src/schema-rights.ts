import { StartFault } from '@tollgate/app-process';
import type { DataSource } from 'typeorm';

/**
 * Checks SELECT and INSERT, because append-only tables need no other right. A partition is used through its table, so
 * its own rights do not count.
 */
const WITHOUT_RIGHTS = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT'))
  ORDER BY 1`;

/**
 * Checks whether the role of this connection may use a schema. If there is nothing to migrate, missing rights would
 * otherwise show only when the first request fails.
 * @throws {StartFault} that names the tables which the role may not read or write, or says that the server is read-only
 */
export async function checkRights(dataSource: DataSource, schema: string): Promise<void> {
  const [session] = await dataSource.query<{ read_only: string; role: string }[]>(
    `SELECT current_setting('transaction_read_only') AS read_only, current_user AS role`,
  );
  if (session?.read_only === 'on')
    throw new StartFault(
      'DATABASE_URL',
      'this server takes no writes (a standby, or a database set to read-only); name the one that does',
    );
  const tables = await dataSource.query<{ name: string }[]>(WITHOUT_RIGHTS, [schema]);
  if (tables.length === 0) return;
  throw new StartFault(
    'DATABASE_URL',
    `the role ${session?.role} may not read and write ${tables.map(({ name }) => name).join(', ')}; grant it that, or name another role`,
  );
}
