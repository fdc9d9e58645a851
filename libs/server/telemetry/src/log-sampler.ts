/** The lines of one kind that may be written at once, and after that in each second. */
const BURST = 20;
const PER_SECOND = 2;
/** Capacity of the map of kinds; it is cleared when it is full. */
const KINDS_MAX = 2_000;
/** The limit of lines in each second for all kinds together, because callers can cause many kinds. */
const ALL_PER_SECOND = 200;

interface Bucket {
  left: number;
  filledAtMs: number;
  suppressed: number;
}

/**
 * Decides which lines of a flood are written. Each kind (for example an error code of one key) has its own allowance,
 * so that a flood of one kind hides no other. Suppressed lines are counted, and the next line of the kind reports them.
 */
export class LogSampler {
  readonly #buckets = new Map<string, Bucket>();
  readonly #all: Bucket = { left: ALL_PER_SECOND, filledAtMs: 0, suppressed: 0 };

  /** `now` returns monotonic milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** The number of suppressed lines of this kind since the last written one; -1 if this one must be suppressed too. */
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
