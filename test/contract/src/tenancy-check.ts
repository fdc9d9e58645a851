import type { ServiceSchema } from '@tollgate/postgres';

/** Runs a statement; resolves with its rows and how many it changed. */
export type Query = (
  sql: string,
  parameters?: unknown[],
) => Promise<{ rows: Record<string, unknown>[]; count: number }>;

/** Two organisations with rows in every table. */
const [ONE, OTHER] = ['tenant-one', 'tenant-other'] as const;

/** A column that a statement has to name. */
interface Column {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  /** Whether the service's role may read it, or change it. */
  readonly readable: boolean;
  readonly changeable: boolean;
}

/** A table whose rows belong to organisations. */
export interface TenantTable {
  readonly name: string;
  /** The column with the organisation's id. */
  readonly tenant: string;
  readonly columns: readonly Column[];
}

/**
 * The tables of a schema that have an `organization_id`, as the catalogue of the database has them, and the table of
 * the organisations themselves. Partitions are no tables of their own.
 */
export async function tenantTables(query: Query, schema: ServiceSchema): Promise<TenantTable[]> {
  const { rows } = await query(
    `SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS required,
            has_column_privilege('tollgate_${schema}', c.oid, a.attnum, 'SELECT') AS readable,
            has_column_privilege('tollgate_${schema}', c.oid, a.attnum, 'UPDATE') AS changeable
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname, a.attnum`,
    [schema],
  );
  const tables = new Map<string, Column[]>();
  for (const { table, ...column } of rows as unknown as (Column & { table: string })[])
    tables.set(table, [...(tables.get(table) ?? []), column]);
  return [...tables].flatMap(([table, columns]) => {
    const tenant = table === 'organization' ? 'id' : 'organization_id';
    const name = `${schema}.${table}`;
    return columns.some((column) => column.name === tenant) ? [{ name, tenant, columns }] : [];
  });
}

/** Values that suit no rule of a table but its types: what a row says does not matter to policies. */
function valueOf({ name, type }: Column, table: TenantTable, tenant: string): string {
  if (name === table.tenant) return `'${tenant}'`;
  if (type === 'uuid') return 'gen_random_uuid()';
  if (type === 'bytea') return 'sha256(gen_random_uuid()::text::bytea)';
  if (type === 'boolean') return 'true';
  if (type === 'json' || type === 'jsonb') return `'{}'`;
  if (type.endsWith('[]')) return `'{}'`;
  if (/^(integer|bigint|smallint|numeric)/.test(type)) return '1';
  if (/^(timestamp|date)/.test(type)) return 'now()';
  return `'${name} of ${tenant}'`;
}

/** An INSERT of one row of an organisation. */
function insertSql(table: TenantTable, tenant: string): string {
  const columns = table.columns.filter((column) => column.required || column.name === table.tenant);
  const values = columns.map((column) => valueOf(column, table, tenant));
  return `INSERT INTO ${table.name} (${columns.map(({ name }) => name).join(', ')}) VALUES (${values.join(', ')})`;
}

/**
 * Puts a row of each of two organisations into each table, as a superuser. Rules and triggers of the tables are dropped
 * first, so that a table that is new needs nothing here.
 */
export async function seed(query: Query, tables: readonly TenantTable[]): Promise<void> {
  const names = tables.map(({ name }) => name);
  const { rows } = await query(
    `SELECT conrelid::regclass::text AS table, conname AS name FROM pg_constraint
     WHERE conrelid = ANY ($1::text[]::regclass[]) AND contype IN ('c', 'f') AND coninhcount = 0`,
    [names],
  );
  for (const { table, name } of rows) await query(`ALTER TABLE ${String(table)} DROP CONSTRAINT ${String(name)}`);
  for (const name of names) await query(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
  for (const table of tables) for (const tenant of [ONE, OTHER]) await query(insertSql(table, tenant));
}

/** Runs statements in a transaction of the service's role about an organisation (`''`: about none), and undoes them. */
export type AsTenant = <T>(organizationId: string, work: (query: Query) => Promise<T>) => Promise<T>;

/** The SQL states of a refusal: no right, or a row that a policy does not take. */
const REFUSED = '42501';

/** Resolves with how many rows a statement gave or changed, or with the SQL state of its error. */
async function outcome(query: Query, sql: string): Promise<number | string> {
  await query('SAVEPOINT attempt');
  try {
    const { rows, count } = await query(sql);
    return /^SELECT/.test(sql) ? Number(rows[0]?.['n']) : count;
  } catch (error) {
    const { code, driverError } = error as { code?: string; driverError?: { code?: string } };
    return code ?? driverError?.code ?? String(error);
  } finally {
    await query('ROLLBACK TO SAVEPOINT attempt');
  }
}

/**
 * Tries a table across organisations. Returns what is wrong in words; nothing if all holds: a transaction about one
 * organisation reads, changes and deletes its own row and no other, a transaction about none reads none, and nobody
 * writes a row of another organisation.
 */
export async function leaksOf(table: TenantTable, asTenant: AsTenant): Promise<string[]> {
  const found: string[] = [];
  const { name, tenant, columns } = table;
  const expectOutcome = async (query: Query, what: string, sql: string, allowed: readonly (number | string)[]) => {
    const got = await outcome(query, sql);
    if (!allowed.includes(got)) found.push(`${name}: ${what}: ${got} instead of ${allowed.join(' or ')}`);
  };
  const readable = columns.some((column) => column.readable);
  const change = columns.find((column) => column.readable && column.changeable)?.name;
  const moves = columns.find((column) => column.name === tenant)?.changeable === true;
  await asTenant(ONE, async (query) => {
    await expectOutcome(query, 'read', `SELECT count(*) AS n FROM ${name}`, [readable ? 1 : REFUSED]);
    await expectOutcome(query, 'deleted', `DELETE FROM ${name}`, [1, REFUSED]);
    await expectOutcome(query, 'inserted', insertSql(table, OTHER), [REFUSED]);
    await expectOutcome(query, 'truncated', `TRUNCATE ${name}`, [REFUSED]);
    if (change !== undefined) await expectOutcome(query, 'changed', `UPDATE ${name} SET ${change} = ${change}`, [1]);
    if (moves) await expectOutcome(query, 'moved', `UPDATE ${name} SET ${tenant} = '${OTHER}'`, [REFUSED]);
    const tenantReadable = columns.find((column) => column.name === tenant)?.readable === true;
    if (tenantReadable) {
      const others = `WHERE ${tenant} = '${OTHER}'`;
      await expectOutcome(query, 'read by name', `SELECT count(*) AS n FROM ${name} ${others}`, [0]);
      await expectOutcome(query, 'deleted by name', `DELETE FROM ${name} ${others}`, [0, REFUSED]);
    }
  });
  await asTenant('', async (query) => {
    await expectOutcome(query, 'read by nobody', `SELECT count(*) AS n FROM ${name}`, [readable ? 0 : REFUSED]);
    await expectOutcome(query, 'deleted by nobody', `DELETE FROM ${name}`, [0, REFUSED]);
    await expectOutcome(query, 'inserted by nobody', insertSql(table, OTHER), [REFUSED]);
  });
  return found;
}
