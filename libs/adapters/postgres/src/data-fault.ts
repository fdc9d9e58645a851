/**
 * SQLSTATE classes of what no repetition can change: data exceptions (a value no column takes), violated constraints,
 * one row that is written twice, and what is beyond a limit of the program (a row too long for its index).
 */
const DATA_CLASSES = new Set(['21', '22', '23', '54']);

/**
 * Says why the database will always refuse these rows, without naming values; null if a retry may succeed (no
 * connection, a deadlock, a server that shuts down).
 */
export function dataFault(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code, constraint } = {
    ...(error as { code?: unknown; constraint?: unknown }),
    ...(error as { driverError?: object }).driverError,
  };
  if (typeof code !== 'string' || code.length !== 5 || !DATA_CLASSES.has(code.slice(0, 2))) return null;
  return `refused by the database: SQLSTATE ${code}${typeof constraint === 'string' ? `, ${constraint}` : ''}`;
}
