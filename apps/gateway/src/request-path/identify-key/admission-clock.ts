import type { Clocks } from './expiry-clock.js';

/**
 * The time of admission, as far as this process knows it: the wall clock, until admission says another time. Admission
 * alone decides in which cycle of a limit a request is; by this clock keys are joined with an account that it will most
 * likely accept, also on a machine whose clock is wrong.
 */
export class AdmissionClock {
  #aheadMs = 0;

  constructor(private readonly clocks: Pick<Clocks, 'wallMs'>) {}

  /** Milliseconds since 1970. */
  nowMs(): number {
    return this.clocks.wallMs() + this.#aheadMs;
  }

  /** Takes over the time that admission gave just now, in milliseconds since 1970. */
  set(nowMs: number): void {
    this.#aheadMs = nowMs - this.clocks.wallMs();
  }
}
