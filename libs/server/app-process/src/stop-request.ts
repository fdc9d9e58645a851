import { isatty } from 'node:tty';

/** Ctrl-C reaches a program and npm, which passes it on: a signal within this time comes from the same key press. */
const SAME_KEY_PRESS_MS = 1_000;

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Where signals come from, and what they may end; by default this process. */
export interface StopRequestOptions {
  readonly signals?: NodeJS.EventEmitter;
  readonly exit?: (code: number) => void;
  /** Receives lines for the operator. */
  readonly tell?: (line: string) => void;
  /** Whether a person sits before it, who may press Ctrl-C again. Default: whether standard input is a terminal. */
  readonly hasTerminal?: boolean;
}

/**
 * The request to stop this process: the first SIGTERM, SIGINT or SIGHUP, which comes when a terminal goes, and which
 * `docker run` passes on then. A process that is number 1 of a container ignores
 * signals that it has no handler for, so a program makes this before it loads anything else, and this file imports
 * nothing of ours. Until somebody takes charge of the stop, nothing has been started, and a signal ends the process.
 *
 * Later signals change nothing, because supervisors repeat theirs. The one exception is a second Ctrl-C at a terminal:
 * a person does not want to wait any longer. Requests in flight are cut off then, and the journal keeps their usage for
 * the next start.
 */
export class StopRequest {
  /** Resolves with the first signal. */
  readonly asked: Promise<NodeJS.Signals>;
  #signal: NodeJS.Signals | null = null;
  #askedAt = 0;
  #inCharge = false;
  #resolve: (signal: NodeJS.Signals) => void = () => undefined;
  readonly #exit: (code: number) => void;
  readonly #hasTerminal: boolean;
  #tell: (line: string) => void;

  constructor({
    signals = process,
    exit = process.exit,
    tell = (line) => process.stderr.write(`${line}\n`),
    hasTerminal = isatty(0),
  }: StopRequestOptions = {}) {
    this.#exit = exit;
    this.#tell = tell;
    this.#hasTerminal = hasTerminal;
    this.asked = new Promise((resolve) => (this.#resolve = resolve));
    for (const signal of SIGNALS) signals.on(signal, () => this.#hear(signal));
  }

  /** The first signal; null as long as none has come. */
  get signal(): NodeJS.Signals | null {
    return this.#signal;
  }

  /** From now on the caller ends the process, once `asked` resolves. `tell` receives further lines for the operator. */
  takeCharge(tell: (line: string) => void): void {
    this.#inCharge = true;
    this.#tell = tell;
  }

  #hear(signal: NodeJS.Signals): void {
    if (this.#signal === null) {
      this.#signal = signal;
      this.#askedAt = performance.now();
      this.#resolve(signal);
      if (this.#inCharge) return;
      this.#tell(`stopped (${signal}) before anything was started`);
      this.#exit(0);
    } else if (this.#isSecondKeyPress(signal)) {
      this.#tell('Ctrl-C again: not waiting any longer; unfinished work is resumed at the next start');
      this.#exit(1);
    }
  }

  #isSecondKeyPress(signal: NodeJS.Signals): boolean {
    const both = signal === 'SIGINT' && this.#signal === 'SIGINT';
    return both && this.#hasTerminal && performance.now() - this.#askedAt > SAME_KEY_PRESS_MS;
  }
}

let ofThisProcess: StopRequest | null = null;

/** The request to stop this process. The first call begins to hear its signals. */
export function stopRequest(): StopRequest {
  ofThisProcess ??= new StopRequest();
  return ofThisProcess;
}
