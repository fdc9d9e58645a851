import type { EntityManager } from 'typeorm';
import { binaryArray, type ColumnType } from './binary-array.js';

/** A column of a table: its name, its type in Postgres, and a function that gives the value of a row. */
export type Column<T> = readonly [name: string, type: ColumnType, value: (row: T) => unknown];

/**
 * Inserts all rows by `INSERT … SELECT unnest(…), unnest(…)`, with one array for each column. In the list of a SELECT
 * the arrays are read value by value; in FROM, each would be copied first. `rest` follows the SELECT.
 */
export async function insertRows<T>(
  manager: EntityManager,
  table: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
  rest = '',
): Promise<void> {
  const names = columns.map(([name]) => name).join(', ');
  const selected = columns.map(([, type], at) => `unnest($${at + 1}::${type}[])`).join(', ');
  await manager.query(
    `INSERT INTO billing.${table} AS known (${names}) SELECT ${selected} ${rest}`,
    columns.map(([, type, value]) => binaryArray(type, rows.map(value))),
  );
}
