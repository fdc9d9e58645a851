/** A part of the start that takes longer than this is told of, and again after each such time. */
const TELL_MS = 5_000;

/** Waits for a part of the start: `what` completes the sentence "waiting for …". */
export type WaitFor = <T>(what: string, part: Promise<T>) => Promise<T>;

/**
 * What a process that starts is waiting for. Its readiness shows it, and a log line says it when the wait is long: a
 * start that waits for a database must not look like one that hangs.
 */
export class StartProgress {
  readonly #waits = new Set<string>();

  constructor(private readonly tell: (line: string) => void) {}

  /** Null when it waits for nothing. */
  get waitingFor(): string | null {
    return this.#waits.size === 0 ? null : [...this.#waits].join(' and ');
  }

  readonly waitFor: WaitFor = async (what, part) => {
    this.#waits.add(what);
    const telling = setInterval(() => this.tell(`starting: still waiting for ${what}`), TELL_MS).unref();
    try {
      return await part;
    } finally {
      clearInterval(telling);
      this.#waits.delete(what);
    }
  };
}
