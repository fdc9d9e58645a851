/** How often to work, and whether the work keeps the process alive. */
export interface PeriodicOptions {
  /**
   * Milliseconds between the starts of two runs. If a run takes longer, the next one starts at the next multiple of
   * this time.
   */
  readonly everyMs: number;
  /** Milliseconds from `start` to the first run; by default that is at once. */
  readonly firstInMs?: number;
  /** If true, the timer does not keep the process alive. Default false. */
  readonly background?: boolean;
}

/**
 * Runs work at once, then again every `everyMs` and whenever it is woken, one run at a time, until it is stopped.
 *
 * @example
 * const mails = new Periodic(() => sendDueMails(), { everyMs: 1_000 });
 * mails.start();
 * mails.wake(); // one more is due
 * await mails.stop(); // the run that is under way has ended, and no other begins
 */
export class Periodic {
  #timer: NodeJS.Timeout | undefined;
  /** The timer of a run before the next regular one, if the last run asked for it. */
  #early: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #woken = false;
  #started = false;
  #stopped = false;

  /**
   * `work` must not reject: it catches and logs its own errors, because only it knows what they mean. It may resolve
   * with the milliseconds after which it wants to run again; they are ignored if they are not below `everyMs`.
   */
  constructor(
    private readonly work: () => Promise<number | void>,
    private readonly options: PeriodicOptions,
  ) {}

  /** Whether `stop` was called: then the work should leave the rest. Work that was called without a start goes on. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Starts with a run at once, or after `firstInMs`. It has no effect if it is started already. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#stopped = false;
    this.#timer = setInterval(() => this.#begin(), this.options.everyMs);
    if (this.options.background === true) this.#timer.unref();
    if (this.options.firstInMs === undefined) this.#begin();
    else this.#early = setTimeout(() => this.#begin(), this.options.firstInMs);
  }

  /** Runs the work now, or once more after the run under way. It has no effect before `start` and after `stop`. */
  wake(): void {
    this.#woken = true;
    this.#begin();
  }

  /** Resolves when the run under way has ended; no other begins. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#early);
    await this.#running;
  }

  #begin(): void {
    if (!this.#started || this.#running !== null) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      // `wake` may have been called after the run's last check.
      if (this.#woken) this.#begin();
    });
  }

  async #run(): Promise<void> {
    do {
      this.#woken = false;
      clearTimeout(this.#early);
      const againInMs = await this.work();
      if (typeof againInMs === 'number' && againInMs < this.options.everyMs && !this.#stopped)
        this.#early = setTimeout(() => this.#begin(), againInMs);
    } while (this.#woken && !this.#stopped);
  }
}
