import { evictOldest } from '../exchange/evict-oldest.js';

/** The two clocks of a process, in milliseconds: the wall clock, which can be set, and a monotonic one. */
export interface Clocks {
  wallMs(): number;
  monotonicMs(): number;
}

/** The real clocks of the process. */
export const PROCESS_CLOCKS: Clocks = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/**
 * The time as one expiring key or secret sees it, so that setting the wall clock back does not prolong it. From the
 * moment at which it was first seen it also follows the monotonic clock, and once the expiry has passed, it stays
 * passed.
 */
export class ExpiryClock {
  /** The monotonic time of the expiry, computed when the key was first seen. */
  readonly #expiresAt: number;
  #passed = false;

  /** `expiresAtMs` is in milliseconds since 1970. */
  constructor(
    readonly expiresAtMs: number,
    private readonly clocks: Clocks,
  ) {
    this.#expiresAt = clocks.monotonicMs() + (expiresAtMs - clocks.wallMs());
  }

  /** Milliseconds since 1970; never before the expiry again once that has passed. */
  nowMs(): number {
    const wallMs = this.clocks.wallMs();
    this.#passed ||= wallMs >= this.expiresAtMs || this.clocks.monotonicMs() >= this.#expiresAt;
    return this.#passed ? Math.max(wallMs, this.expiresAtMs) : wallMs;
  }
}

/**
 * The clocks of expiring keys and secrets, by name. They are kept apart from the key cache, whose entries are dropped
 * after a change or a gap. If an expiry changes, it gets a new clock. At most `max` are kept, the newest.
 */
export class ExpiryClocks {
  readonly #byName = new Map<string, ExpiryClock>();

  constructor(
    private readonly max: number,
    private readonly clocks: Clocks,
  ) {}

  /** `name` is the id of a key, or names one of its secrets. */
  of(name: string, expiresAtMs: number): ExpiryClock {
    const known = this.#byName.get(name);
    if (known?.expiresAtMs === expiresAtMs) return known;
    this.#byName.delete(name);
    evictOldest(this.#byName, this.max);
    const clock = new ExpiryClock(expiresAtMs, this.clocks);
    this.#byName.set(name, clock);
    return clock;
  }
}
