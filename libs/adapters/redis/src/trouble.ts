/** Why Redis cannot be reached, for a log: a stack would say where the socket is opened, each time again. */
export interface RedisTrouble {
  /** Of the system: `ECONNREFUSED`, `ETIMEDOUT`, …; null where there is none. */
  readonly code: string | null;
  readonly message: string;
}

const TOLD_EVERY_MS = 10_000;

/**
 * Hears every failure of the connections of a process, and tells of the first and then of one in 10 s: while Redis is
 * away each connection fails twice a second. `now`: monotonic milliseconds.
 */
export function tellSometimes(
  tell: (trouble: RedisTrouble) => void,
  now: () => number = () => performance.now(),
): (error: Error) => void {
  let toldAt = -Infinity;
  return (error) => {
    if (now() - toldAt < TOLD_EVERY_MS) return;
    toldAt = now();
    const code = (error as { code?: unknown }).code;
    // Where a name has several addresses the error of them all has no message.
    tell({
      code: typeof code === 'string' ? code : null,
      message: error.message || 'no address of the server could be reached',
    });
  };
}
