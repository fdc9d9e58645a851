import { describe, expect, it } from 'vitest';
import { differencesOf, type AdmissionSide, type LedgerSide } from './differences.js';

const ledger = (posted: bigint, sums: LedgerSide['sums'] = null): LedgerSide => ({ postedNanoUsd: posted, sums });
const admission = (before: bigint, after = before, fields: Partial<AdmissionSide> = {}): AdmissionSide => ({
  postedBeforeNanoUsd: before,
  postedAfterNanoUsd: after,
  heldNanoUsd: 0n,
  holdsNanoUsd: 0n,
  ...fields,
});
const placesOf = (...given: Parameters<typeof differencesOf>) =>
  differencesOf(...given).map(({ place, differenceNanoUsd }) => [place, Number(differenceNanoUsd)]);

describe('differencesOf', () => {
  it('at rest finds nothing where all three are the same, and else by how much they differ', () => {
    expect(placesOf('a', ledger(5n), admission(5n))).toEqual([]);
    expect(placesOf('a', ledger(5n), admission(7n))).toEqual([['admission', -2]]);
    expect(placesOf('a', ledger(5n), admission(4n))).toEqual([['admission', 1]]);
    expect(placesOf('a', ledger(5n), null)).toEqual([]);
  });

  it('while calls are made the ledger may have what admission had before, or has after, or something between', () => {
    for (const posted of [5n, 6n, 9n]) expect(placesOf('a', ledger(posted), admission(5n, 9n))).toEqual([]);
    expect(placesOf('a', ledger(4n), admission(5n, 9n))).toEqual([['admission', -1]]);
    expect(placesOf('a', ledger(10n), admission(5n, 9n))).toEqual([['admission', 1]]);
  });

  it('what is posted is what the transfers add up to, and never more than the events', () => {
    const sums = { transfersNanoUsd: 5n, eventsNanoUsd: 9n, takesAllEvents: false };
    expect(placesOf('a', ledger(5n, sums), null)).toEqual([]);
    expect(placesOf('a', ledger(6n, sums), null)).toEqual([['transfers', 1]]);
    expect(placesOf('a', ledger(5n, { ...sums, eventsNanoUsd: 4n }), null)).toEqual([['events', 1]]);
    expect(placesOf('a', ledger(5n, { ...sums, takesAllEvents: true }), null)).toEqual([['events', -4]]);
  });

  it('what is held is what the open holds add up to, if that can be told', () => {
    expect(placesOf('a', ledger(5n), admission(5n, 5n, { heldNanoUsd: 3n }))).toEqual([['holds', 3]]);
    expect(placesOf('a', ledger(5n), admission(5n, 5n, { heldNanoUsd: 3n, holdsNanoUsd: null }))).toEqual([]);
  });
});
