export interface PeriodicOptions {
  /**
   * Milliseconds between two runs' beginnings. A run that takes longer is followed by the next one on time after it.
   */
  readonly everyMs: number;
  /** The timer does not keep the process alive. Default false. */
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
  /** Before the next run by the timer, where the last one asked for that. */
  #early: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #woken = false;
  #stopped = true;

  /**
   * `work` must not reject: what can fail is caught and logged where it is known what it means. It may resolve with
   * milliseconds after which it wants to run again, where that is sooner than the timer.
   */
  constructor(
    private readonly work: () => Promise<number | void>,
    private readonly options: PeriodicOptions,
  ) {}

  /** Whether the current run should leave the rest of its work: nobody waits for it any more. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Without effect where it has been started. */
  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#timer = setInterval(() => this.#begin(), this.options.everyMs);
    if (this.options.background === true) this.#timer.unref();
    this.#begin();
  }

  /** Runs the work now, or once more after the run that is under way. Without effect where it is stopped. */
  wake(): void {
    this.#woken = true;
    this.#begin();
  }

  /** Resolves when the run that is under way has ended; no other begins. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#early);
    await this.#running;
  }

  #begin(): void {
    if (this.#stopped || this.#running !== null) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      // Woken between its last look and its end.
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
