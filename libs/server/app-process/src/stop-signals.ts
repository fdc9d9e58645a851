/** What comes within this time of the first signal is the same request to stop, not a second one. */
const SAME_REQUEST_MS = 1_000;

export interface EndOnSignalsOptions {
  /** Ends in order; resolves when the process may exit. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
  /** Hears what an operator should know, a line each. */
  readonly tell: (line: string) => void;
  /** Default: this process's. */
  readonly signals?: NodeJS.EventEmitter;
  /** Default `process.exit`. */
  readonly exit?: (code: number) => void;
}

/**
 * Stops in order at SIGTERM and SIGINT, and exits: with 0, or with 1 where stopping failed. Ctrl-C in a terminal under
 * npm comes twice, from the terminal and from npm: signals within a second of the first change nothing. A later one
 * does not wait any longer: what was in flight is cut off, and its usage is left to the journal.
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
      tell(`${signal} again: not waiting any longer; what was not finished is taken up at the next start`);
      exit(1);
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) signals.on(signal, hear);
}
