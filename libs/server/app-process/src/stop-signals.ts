/** A signal within this time of the first one belongs to the same request to stop. */
const SAME_REQUEST_MS = 1_000;

/** What to do at SIGTERM and SIGINT, and where to tell of it. */
export interface EndOnSignalsOptions {
  /** Stops the process in order; resolves when it may exit. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
  /** Receives lines for the operator. */
  readonly tell: (line: string) => void;
  /** The source of the signals; by default this process. */
  readonly signals?: NodeJS.EventEmitter;
  /** Default `process.exit`. */
  readonly exit?: (code: number) => void;
}

/**
 * Stops in order at SIGTERM and SIGINT, and exits with 0, or with 1 if stopping failed. Under npm, Ctrl-C arrives
 * twice, from the terminal and from npm, so signals within a second of the first are ignored. A later signal ends the
 * process at once: requests in flight are cut off, and the journal keeps their usage for the next start.
 */
export function endOnSignals({ stop, tell, signals = process, exit = process.exit }: EndOnSignalsOptions): void {
  let stoppingSince: number | null = null;
  const hear = (signal: NodeJS.Signals): void => {
    if (stoppingSince === null) {
      stoppingSince = performance.now();
      stop(signal).then(
        () => exit(0),
        (error: unknown) => {
          tell(`stopping failed: ${error instanceof Error ? error.message : String(error)}`);
          exit(1);
        },
      );
    } else if (performance.now() - stoppingSince > SAME_REQUEST_MS) {
      tell(`${signal} again: not waiting any longer; unfinished work is resumed at the next start`);
      exit(1);
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.on(signal, hear);
}
