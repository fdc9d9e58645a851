/**
 * Whether an error says that nobody listened: the connection was refused, at each address of the name. Then no byte of
 * a request was sent, and it may be sent again, whatever it does.
 */
export function isRefusedConnection(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isRefusedConnection);
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
}
