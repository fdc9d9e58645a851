/**
 * Why Redis is unreachable or of no use, for a log line. It has no stack, which would always show the place that opens
 * the socket.
 */
export interface RedisTrouble {
  /** The error code of the system: `ECONNREFUSED`, `ETIMEDOUT`, …; null if there is none. */
  readonly code: string | null;
  readonly message: string;
}

const TOLD_EVERY_MS = 10_000;

/**
 * Reports the first failure of a process's connections, and then one in 10 s: while Redis is unreachable each
 * connection fails twice a second. `now` returns monotonic milliseconds.
 */
export function tellSometimes(
  tell: (trouble: RedisTrouble) => void,
  now: () => number = () => performance.now(),
): (error: Error) => void {
  let toldAt = -Infinity;
  return (error) => {
    if (now() - toldAt < TOLD_EVERY_MS) return;
    toldAt = now();
    tell(troubleOf(error));
  };
}

/** An error as it is told. */
export function troubleOf(error: Error): RedisTrouble {
  const code = (error as { code?: unknown }).code;
  // If a name has several addresses, the error that combines their failures has no message.
  return {
    code: typeof code === 'string' ? code : null,
    message: error.message || 'no address of the server could be reached',
  };
}
