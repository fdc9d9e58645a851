import { setImmediate as turn } from 'node:timers/promises';
import { createLogger } from '@tollgate/telemetry';
import { mendableFault } from './start-fault.js';

/**
 * Runs the start of a service, once a signal that came while the program was being loaded has been heard. A fault that
 * an operator can mend is printed as one line on standard error; any other error is a bug, and is logged with its
 * stack. Either ends the process with exit code 1.
 */
export function startService(service: string, start: () => Promise<void>): void {
  const started = turn().then(start);
  started.catch((error: unknown) => {
    const fault = mendableFault(error);
    if (fault !== null) process.stderr.write(`${service} did not start: ${fault}\n`);
    else createLogger({ service }).fatal({ err: error }, 'could not start');
    process.exit(1);
  });
}
