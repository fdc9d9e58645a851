import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiryClocks } from './expiry-clock.js';

const BEGIN_MS = 1_795_190_400_000;
const move = fc.record({
  elapsedMs: fc.nat(2_000),
  /** The change of the wall clock. */
  setMs: fc.oneof(fc.constant(0), fc.integer({ min: -10_000, max: 10_000 })),
});

describe('the clock of an expiring key', () => {
  it('never shows a time before the expiry once it has passed, by either clock, however the wall clock is set', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000, max: 8_000 }), fc.array(move, { maxLength: 30 }), (lifeMs, moves) => {
        let [wallMs, monotonicMs] = [BEGIN_MS, 77];
        const clocks = new ExpiryClocks(10, { wallMs: () => wallMs, monotonicMs: () => monotonicMs });
        const expiresAtMs = BEGIN_MS + lifeMs;
        const hasPassed = (): boolean => clocks.of('k', expiresAtMs).nowMs() >= expiresAtMs;
        let elapsedMs = 0;
        let passed = lifeMs <= 0;
        expect(hasPassed()).toBe(passed);
        for (const { elapsedMs: more, setMs } of moves) {
          elapsedMs += more;
          monotonicMs += more;
          wallMs += more + setMs;
          passed ||= wallMs >= expiresAtMs || elapsedMs >= lifeMs;
          expect(hasPassed()).toBe(passed);
        }
      }),
    );
  });

  it('is a new one where the expiry of the key was moved, and of other keys where too many are kept', () => {
    const clocks = new ExpiryClocks(2, { wallMs: () => 1_000, monotonicMs: () => 0 });
    const first = clocks.of('k', 900);
    expect(first.nowMs()).toBe(1_000);
    expect(clocks.of('k', 900)).toBe(first);
    expect(clocks.of('k', 2_000)).not.toBe(first);
    for (const other of ['l', 'm']) clocks.of(other, 900);
    expect(clocks.of('k', 900)).not.toBe(first);
  });
});
