import { reapNow } from '@tollgate/infra';

/** 128 and the number of the signal, as a shell has it. */
const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** What becomes of a program that a signal may end. */
export interface Interruption {
  /** Whether a signal has come: what fails from then on fails because it is being ended. */
  readonly begun: boolean;
  /** Resolves with the exit code when all that the program has started is gone; never without a signal. */
  readonly ended: Promise<number>;
}

/**
 * From here on a signal that ends programs (SIGTERM, SIGINT, SIGHUP) first ends all that this process has started,
 * which takes little more than 3 s. Further ones are ignored meanwhile: of Ctrl-C the terminal sends one, and npm
 * another.
 */
export function endChildrenOnSignals(): Interruption {
  let begun = false;
  const ended = new Promise<number>((resolve) => {
    for (const signal of Object.keys(exitCodes) as (keyof typeof exitCodes)[]) {
      process.on(signal, () => {
        if (begun) return;
        begun = true;
        process.stderr.write(`${signal}: ending all that the bench has started\n`);
        void reapNow().then(() => resolve(exitCodes[signal]));
      });
    }
  });
  return {
    get begun() {
      return begun;
    },
    ended,
  };
}
