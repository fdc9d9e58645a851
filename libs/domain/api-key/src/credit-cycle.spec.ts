import { describe, expect, it } from 'vitest';
import { cycleAccountId, limitOf } from './account-id.js';
import { cycleOf, type CreditReset } from './credit-cycle.js';

const at = (text: string): number => Date.parse(text);

describe('the cycle of a credit limit', () => {
  it.each<[CreditReset, string, string, string, string]>([
    ['daily', '2026-11-29T00:00:00Z', '2026-11-29T00:00:00Z', '2026-11-30T00:00:00Z', 'key:k:daily:2026-11-29'],
    ['daily', '2026-11-29T23:59:59.999Z', '2026-11-29T00:00:00Z', '2026-11-30T00:00:00Z', 'key:k:daily:2026-11-29'],
    // The last Sunday, and the Monday after it.
    ['weekly', '2026-11-29T23:59:59.999Z', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z', 'key:k:weekly:2026-11-23'],
    ['weekly', '2026-11-30T00:00:00Z', '2026-11-30T00:00:00Z', '2026-12-07T00:00:00Z', 'key:k:weekly:2026-11-30'],
    // A week over the end of a year.
    ['weekly', '2027-01-01T12:00:00Z', '2026-12-28T00:00:00Z', '2027-01-04T00:00:00Z', 'key:k:weekly:2026-12-28'],
    ['monthly', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z', 'key:k:monthly:2026-12-01'],
    // A leap day.
    ['monthly', '2028-02-29T12:00:00Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z', 'key:k:monthly:2028-02-01'],
  ])('%s at %s is from %s to before %s', (reset, now, start, end, accountId) => {
    const cycle = cycleOf(reset, at(now));
    expect(cycle).toEqual({ reset, startMs: at(start), endMs: at(end) });
    expect(cycleAccountId('k', cycle)).toBe(accountId);
    expect(limitOf(accountId)).toBe('key:k');
  });

  it('of a limit that never resets has no bounds and the account that it always had', () => {
    const cycle = cycleOf('never', at('2026-11-29T00:00:00Z'));
    expect(cycle).toEqual({ reset: 'never', startMs: -Infinity, endMs: Infinity });
    expect(cycleAccountId('k', cycle)).toBe('key:k');
  });

  it.each(['key:k', 'organization:o', 'key:k:daily', 'key:k:hourly:2026-11-29', 'key:daily:2026-11-29:x'])(
    'is not part of the account %s',
    (accountId) => expect(limitOf(accountId)).toBe(accountId),
  );
});
