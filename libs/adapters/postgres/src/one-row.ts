/**
 * The row of a statement that always gives one, such as an aggregate without groups.
 * @throws {Error} if it gave none
 */
export function oneRow<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('a statement that always gives a row gave none');
  return row;
}
