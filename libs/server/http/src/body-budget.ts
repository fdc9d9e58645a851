/** Up to this size a body takes no room: its connection takes more, and no revoke may wait for what others send. */
const TINY_BODY_BYTES = 4_096;
/** Up to this size a body is small: most are, and a connection's own buffers hold about as much. */
export const SMALL_BODY_BYTES = 65_536;
/** What bodies may take of a process's memory where nothing else is set. */
export const BODY_BUDGET_BYTES = 256 * 1_048_576;
/** What larger bodies may take of a budget: the rest is for small ones, so that a few do not shut them out. */
const LARGE_BODIES_PART = 0.75;

/**
 * How many bytes of request bodies are kept in memory at one time. A body of more than 4 KiB takes its part before it
 * is read, and gives it back when its request has ended.
 */
export class BodyBudget {
  #bytes = 0;

  /** `largeBytesMax`: what bodies above `SMALL_BODY_BYTES` may fill of it. */
  constructor(
    readonly bytesMax: number,
    private readonly largeBytesMax = Math.floor(bytesMax * LARGE_BODIES_PART),
  ) {}

  /** Bytes taken at the moment. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Room for one body, in this budget and in those that are parts of it. */
  open(...parts: readonly BodyBudget[]): BodyRoom {
    return new BodyRoom([...parts, this]);
  }

  /** Whether a body of `size` bytes, all in all, may take `bytes` more. */
  has(bytes: number, size: number): boolean {
    return this.#bytes + bytes <= (size > SMALL_BODY_BYTES ? this.largeBytesMax : this.bytesMax);
  }

  /** Takes bytes, or gives them back where they are negative. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }
}

/** The room that one body has: as large as the body says it is, or as it has grown. */
export class BodyRoom {
  #bytes = 0;
  #freed = false;

  constructor(private readonly budgets: readonly BodyBudget[]) {}

  /**
   * Makes it at least this large: null where all budgets have the room, else the one that does not, and nothing
   * changes.
   */
  grow(bytes: number): BodyBudget | null {
    const more = bytes - this.#bytes;
    if (more <= 0 || bytes <= TINY_BODY_BYTES || this.#freed) return null;
    for (const budget of this.budgets) if (!budget.has(more, bytes)) return budget;
    for (const budget of this.budgets) budget.add(more);
    this.#bytes = bytes;
    return null;
  }

  /** Gives it back, for good; a second time changes nothing. */
  free(): void {
    this.#freed = true;
    for (const budget of this.budgets) budget.add(-this.#bytes);
    this.#bytes = 0;
  }
}
