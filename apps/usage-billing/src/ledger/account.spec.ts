import { describe, expect, it } from 'vitest';
import { charged, loaded, newAccount, roomIn, withCap } from './account.js';

const fresh = newAccount('key:k', 'o', 'k');

describe('an account of the ledger', () => {
  it('has the period that its id names', () => {
    expect(newAccount('key:k:weekly:2026-11-23', 'o', 'k').cycle).toEqual({
      reset: 'weekly',
      startMs: Date.UTC(2026, 10, 23),
      endMs: Date.UTC(2026, 10, 30),
    });
    for (const other of ['key:k', 'organization:o', 'key:k:weekly:2026-11-24', 'key:k:daily:2026-02-31'])
      expect(newAccount(other, 'o', null).cycle.reset, other).toBe('never');
  });
  it('counts after a load all that was charged in its period, as charged without a hold', () => {
    const before = charged(fresh, 30n, false);
    expect(loaded(before, 50n, 7)).toMatchObject({ postedNanoUsd: 50n, unheldNanoUsd: 50n, generation: 7 });
  });
  it('that was booked by a release that knows no such sum was charged without holds as long as it had no limit', () => {
    expect(loaded({ ...fresh, postedNanoUsd: 30n }, 50n, 7)).toMatchObject({ postedNanoUsd: 50n, unheldNanoUsd: 50n });
  });
  it('is the same after the same load, and a former one takes nothing back', () => {
    const after = loaded(charged(fresh, 30n, false), 50n, 7);
    expect(loaded(after, 50n, 7)).toEqual(after);
    expect(loaded(after, 40n, 3)).toEqual(after);
  });
  it('keeps the room of what was held on it, whatever is charged or loaded besides', () => {
    const held = charged(withCap(fresh, 100n), 10n, true);
    expect(roomIn(held)).toBe(90n);
    expect(roomIn(charged(held, 500n, false))).toBe(90n);
    expect(roomIn(loaded(held, 500n, 2))).toBe(90n);
    expect(loaded(held, 500n, 2)).toMatchObject({ postedNanoUsd: 500n, unheldNanoUsd: 490n });
  });
});
