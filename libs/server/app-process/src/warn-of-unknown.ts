import type { UnknownVariable } from '@tollgate/config';
import type { Logger } from '@tollgate/telemetry';

/** Logs a warning for each unknown variable, which is ignored. The start goes on. */
export function warnOfUnknown(logger: Logger, unknown: readonly UnknownVariable[]): void {
  for (const { name, nearest } of unknown)
    logger.warn(
      { variable: name, nearest },
      `${name} is no variable that Tollgate knows, and is not used; the nearest name is ${nearest}`,
    );
}
