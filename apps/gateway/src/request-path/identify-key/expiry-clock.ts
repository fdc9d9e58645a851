import { letOldestGo } from '../exchange/let-oldest-go.js';

/** The two clocks of a process, in milliseconds: the time of day, which can be set, and one that only runs on. */
export interface Clocks {
  wallMs(): number;
  monotonicMs(): number;
}

export const PROCESS_CLOCKS: Clocks = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/**
 * The time of day as one expiring key sees it: a wall clock that is set back gives the key no time. It runs on as the
 * monotonic clock does from the moment at which the key was first seen, and once the expiry has passed it is never
 * before it again.
 */
export class ExpiryClock {
  /** The monotonic time at which the key expires, by the wall clock of the moment at which it was first seen. */
  readonly #expiresAt: number;
  #passed = false;

  /** `expiresAtMs`: milliseconds since 1970. */
  constructor(
    readonly expiresAtMs: number,
    private readonly clocks: Clocks,
  ) {
    this.#expiresAt = clocks.monotonicMs() + (expiresAtMs - clocks.wallMs());
  }

  /** Milliseconds since 1970. */
  nowMs(): number {
    const wallMs = this.clocks.wallMs();
    this.#passed ||= wallMs >= this.expiresAtMs || this.clocks.monotonicMs() >= this.#expiresAt;
    return this.#passed ? Math.max(wallMs, this.expiresAtMs) : wallMs;
  }
}

/**
 * The clocks of expiring keys, by key: they outlive what is remembered of a key otherwise, which a change or a gap in
 * the news of changes makes void. A key whose expiry was changed has a new one. At most `max` are kept, the newest.
 */
export class ExpiryClocks {
  readonly #byKey = new Map<string, ExpiryClock>();

  constructor(
    private readonly max: number,
    private readonly clocks: Clocks,
  ) {}

  of(apiKeyId: string, expiresAtMs: number): ExpiryClock {
    const known = this.#byKey.get(apiKeyId);
    if (known?.expiresAtMs === expiresAtMs) return known;
    this.#byKey.delete(apiKeyId);
    letOldestGo(this.#byKey, this.max);
    const clock = new ExpiryClock(expiresAtMs, this.clocks);
    this.#byKey.set(apiKeyId, clock);
    return clock;
  }
}
