import type { UnknownVariable } from '@tollgate/config';
import type { Logger } from '@tollgate/telemetry';

/** Says of each variable that nobody reads that it is passed over: one warning each. The start goes on. */
export function warnOfUnknown(logger: Logger, unknown: readonly UnknownVariable[]): void {
  for (const { name, nearest } of unknown)
    logger.warn(
      { variable: name, nearest },
      `${name} is no variable that Tollgate knows, and is not used; the nearest name is ${nearest}`,
    );
}
