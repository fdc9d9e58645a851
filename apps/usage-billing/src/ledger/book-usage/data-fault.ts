/** SQLSTATE classes: data exceptions (a value no column takes) and violated constraints. */
const DATA_CLASSES = new Set(['22', '23']);

/**
 * Why the database will refuse the same rows for ever, in words without values; null where trying again may help
 * (no connection, a deadlock, a server that stops).
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
