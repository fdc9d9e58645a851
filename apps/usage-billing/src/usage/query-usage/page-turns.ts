/**
 * Lets only so many pages be read at once; the others follow in the order in which they came. So those who read much
 * take turns with one another, and whoever else needs the database waits for few of them.
 */
export class PageTurns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Reads a page when its turn has come. */
  async take<Page>(read: () => Promise<Page>): Promise<Page> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await read();
    } finally {
      const next = this.#waiting.shift();
      // The turn goes to the next one, who does not find it free.
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
