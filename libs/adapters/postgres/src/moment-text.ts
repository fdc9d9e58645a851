/**
 * SQL: a column of type timestamptz as text with all its six decimals, such as `2026-11-28T09:30:00.123456Z`. What the
 * driver makes of it, a `Date`, has three, and a cursor that lost the others would skip rows or repeat them. Compare
 * with it as `$1::timestamptz`.
 */
export const momentText = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
