import type { EntityManager } from 'typeorm';

/** A column of a table: its name, its type in Postgres, and a function that gives the value of a row. */
export type Column<T> = readonly [name: string, type: string, value: (row: T) => unknown];

/** Inserts all rows by `INSERT … SELECT FROM unnest(…)`, with one array for each column. `rest` follows the SELECT. */
export async function insertRows<T>(
  manager: EntityManager,
  table: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
  rest = '',
): Promise<void> {
  const names = columns.map(([name]) => name).join(', ');
  // jsonb is sent as text, since the driver would escape an array of jsonb twice.
  const selected = columns.map(([name, type]) => (type === 'jsonb' ? `${name}::jsonb` : name)).join(', ');
  const arrays = columns.map(([, type], at) => `$${at + 1}::${type === 'jsonb' ? 'text' : type}[]`).join(', ');
  await manager.query(
    `INSERT INTO billing.${table} AS known (${names}) SELECT ${selected} FROM unnest(${arrays}) AS given (${names}) ${rest}`,
    columns.map(([, , value]) => rows.map(value)),
  );
}
