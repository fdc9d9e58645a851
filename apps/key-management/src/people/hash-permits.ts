/** How many tasks run at once, how many may wait, and for how long. */
export interface HashPermitsOptions {
  readonly atOnce: number;
  readonly waitingMax: number;
  readonly waitMsMax: number;
}

/** The result of a task, or that no turn came for it: then it has not begun. */
export type PermittedRun<T> = { readonly kind: 'done'; readonly result: T } | { readonly kind: 'busy' };

/** Lets a few tasks run at once and a few more wait, in the order in which they came. */
export class HashPermits {
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(private readonly options: HashPermitsOptions) {}

  /** The permit is given back when the task has ended, whatever has become of whoever asked for it. */
  async run<T>(task: () => Promise<T>): Promise<PermittedRun<T>> {
    if (!(await this.#turn())) return { kind: 'busy' };
    try {
      return { kind: 'done', result: await task() };
    } finally {
      this.#pass();
    }
  }

  #turn(): Promise<boolean> | boolean {
    const { atOnce, waitingMax, waitMsMax } = this.options;
    if (this.#running < atOnce) {
      this.#running += 1;
      return true;
    }
    if (this.#waiting.size >= waitingMax) return false;
    return new Promise((resolve) => {
      const called = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(called);
        resolve(false);
      }, waitMsMax);
      this.#waiting.add(called);
    });
  }

  /** Hands the permit to the one that has waited longest. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
