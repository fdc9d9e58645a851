import { stopRequest, type StopRequest } from './stop-request.js';

/** What to do when this process is asked to stop, and where to tell of it. */
export interface EndOnSignalsOptions {
  /** Stops the process in order; resolves when it may exit. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
  /** Receives lines for the operator. */
  readonly tell: (line: string) => void;
  /** Default: that of this process. */
  readonly request?: StopRequest;
  /** Default `process.exit`. */
  readonly exit?: (code: number) => void;
}

/**
 * Stops in order at the first SIGTERM, SIGINT or SIGHUP, also at one that has come before, and exits with 0, or with 1
 * if stopping failed. What later signals do, `StopRequest` says.
 */
export function endOnSignals({ stop, tell, request = stopRequest(), exit = process.exit }: EndOnSignalsOptions): void {
  request.takeCharge(tell);
  request.asked.then(stop).then(
    () => exit(0),
    (error: unknown) => {
      tell(`stopping failed: ${error instanceof Error ? error.message : String(error)}`);
      exit(1);
    },
  );
}
