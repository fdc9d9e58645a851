/** Lines of one kind that are written at once, and then in each second. */
const BURST = 20;
const PER_SECOND = 2;
/** Kinds that are told apart; more, and all are forgotten. */
const KINDS_MAX = 2_000;
/** All kinds together, in each second: callers can make many kinds. */
const ALL_PER_SECOND = 200;

interface Bucket {
  left: number;
  filledAtMs: number;
  suppressed: number;
}

/**
 * Decides which lines of a flood are written. Each kind (a code of one key, say) has its own allowance, so that a
 * flood of one hides no line of another; what was left out is counted and told with the next line of its kind.
 */
export class LogSampler {
  readonly #buckets = new Map<string, Bucket>();
  readonly #all: Bucket = { left: ALL_PER_SECOND, filledAtMs: 0, suppressed: 0 };

  /** `now`: monotonic milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** How many lines of this kind were left out since the last one; -1 where this one is to be left out too. */
  take(kind: string): number {
    let bucket = this.#buckets.get(kind);
    if (bucket === undefined) {
      if (this.#buckets.size >= KINDS_MAX) this.#buckets.clear();
      bucket = { left: BURST, filledAtMs: this.now(), suppressed: 0 };
      this.#buckets.set(kind, bucket);
    }
    this.#fill(bucket, BURST, PER_SECOND);
    this.#fill(this.#all, ALL_PER_SECOND, ALL_PER_SECOND);
    if (bucket.left < 1 || this.#all.left < 1) {
      bucket.suppressed += 1;
      return -1;
    }
    bucket.left -= 1;
    this.#all.left -= 1;
    const { suppressed } = bucket;
    bucket.suppressed = 0;
    return suppressed;
  }

  #fill(bucket: Bucket, most: number, perSecond: number): void {
    const now = this.now();
    bucket.left = Math.min(most, bucket.left + ((now - bucket.filledAtMs) / 1_000) * perSecond);
    bucket.filledAtMs = now;
  }
}
