import { describe, expect, it } from 'vitest';
import { accountAt, capAt, edited, type Budget } from './budget.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const budget: Budget = {
  organizationId: 'o',
  id: 'b',
  kind: 'group',
  ownerId: 'g',
  capNanoUsd: 10n,
  reset: 'daily',
  generation: 2,
  raise: null,
  createdAt: NOW,
  version: 1,
};
const raise = { amountNanoUsd: 5n, until: new Date(NOW.getTime() + 1) };

describe('a budget', () => {
  it('is another account one millisecond after the boundary of its cycle', () => {
    const midnight = Date.UTC(2026, 10, 30);
    expect(accountAt(budget, new Date(midnight - 1))).toBe('group:g:daily:2026-11-29');
    expect(accountAt(budget, new Date(midnight))).toBe('group:g:daily:2026-11-30');
    expect(accountAt({ ...budget, reset: 'never' }, NOW)).toBe('group:g');
  });
  it('has what a raise adds until its last moment, and not at it', () => {
    expect(capAt(budget, NOW)).toBe(10n);
    expect(capAt({ ...budget, raise }, NOW)).toBe(15n);
    expect(capAt({ ...budget, raise }, raise.until)).toBe(10n);
  });
  it.each([{}, { capNanoUsd: 10n }, { reset: 'daily' }, { raise: null }] as const)('is not changed by %o', (change) => {
    expect(edited(budget, change, 9)).toBeNull();
  });
  it('is loaded anew from the ledger only when its reset changes', () => {
    expect(edited(budget, { capNanoUsd: 0n }, 9)).toMatchObject({ capNanoUsd: 0n, generation: 2, version: 2 });
    expect(edited(budget, { raise }, 9)).toMatchObject({ raise, generation: 2 });
    expect(edited({ ...budget, raise }, { raise: { ...raise } }, 9)).toBeNull();
    expect(edited(budget, { reset: 'weekly' }, 9)).toMatchObject({ reset: 'weekly', generation: 9 });
  });
});
