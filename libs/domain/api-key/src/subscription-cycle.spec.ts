import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cycleOfAccount, paygAccountId, subscriptionAccountId } from './account-id.js';
import { subscriptionCycleAt, subscriptionCycleStart } from './subscription-cycle.js';

const DAY_MS = 86_400_000;
const at = (text: string): number => Date.parse(`${text}Z`);
const starts = (anchor: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) =>
    new Date(subscriptionCycleStart(at(anchor), number)).toISOString().slice(0, 16),
  );

describe('cycles of a subscription (reports-billing D1, D2)', () => {
  it('begin on the last day of months that are too short, and come back to the day of the anchor', () => {
    expect(starts('2027-01-31T23:30', 5)).toEqual([
      '2027-01-31T23:30',
      '2027-02-28T23:30',
      '2027-03-31T23:30',
      '2027-04-30T23:30',
      '2027-05-31T23:30',
    ]);
    expect(starts('2028-01-30T00:00', 3)[1]).toBe('2028-02-29T00:00');
    expect(starts('2027-12-31T10:00', 3)).toEqual(['2027-12-31T10:00', '2028-01-31T10:00', '2028-02-29T10:00']);
  });

  it('tile time: 48 from each day of 2027 and 2028, at any second of the day', () => {
    const days = Array.from({ length: 731 }, (_, day) => at('2027-01-01T00:00:00') + day * DAY_MS);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_399 }), (second) => {
        for (const day of days) {
          const anchor = day + second * 1_000;
          let startMs = anchor;
          for (let number = 0; number < 48; number++) {
            const next = subscriptionCycleStart(anchor, number + 1);
            expect(next - startMs).toBeGreaterThanOrEqual(28 * DAY_MS);
            expect(next - startMs).toBeLessThanOrEqual(31 * DAY_MS);
            expect((next - anchor) % DAY_MS, 'the time of the day stays').toBe(0);
            startMs = next;
          }
        }
      }),
      { numRuns: 3 },
    );
  });

  it('are found by any moment: the first of a cycle belongs to it, the one before to the cycle before', () => {
    const anchors = fc.integer({ min: at('2026-01-01T00:00:00') / 1_000, max: at('2029-01-01T00:00:00') / 1_000 });
    fc.assert(
      fc.property(anchors, fc.integer({ min: 0, max: 480 }), fc.nat(), (second, number, within) => {
        const anchor = second * 1_000;
        const [startMs, endMs] = [subscriptionCycleStart(anchor, number), subscriptionCycleStart(anchor, number + 1)];
        const cycle = { number, startMs, endMs };
        for (const nowMs of [startMs, startMs + (within % (endMs - startMs)), endMs - 1])
          expect(subscriptionCycleAt(anchor, nowMs)).toEqual(cycle);
        expect(subscriptionCycleAt(anchor, endMs).number).toBe(number + 1);
        expect(subscriptionCycleAt(anchor, anchor - 1).number).toBe(0);
      }),
    );
  });

  it('have one boundary for quota and pay-as-you-go, which the ids of their accounts say', () => {
    const cycle = subscriptionCycleAt(at('2026-11-29T23:30:00'), at('2026-12-29T23:29:59'));
    expect(subscriptionAccountId('s', cycle)).toBe('subscription:s:20261129T233000Z-20261229T233000Z');
    for (const id of [subscriptionAccountId('s', cycle), paygAccountId('s', cycle)])
      expect(cycleOfAccount(id)).toEqual({ reset: 'subscription', startMs: cycle.startMs, endMs: cycle.endMs });
  });
});
