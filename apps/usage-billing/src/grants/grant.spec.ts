import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balanceOf, stateOf } from './grant.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const BEFORE = new Date(NOW.getTime() - 1);
const AFTER = new Date(NOW.getTime() + 1);

describe('a grant of 100', () => {
  it.each([
    ['unused', null, 0n, 0n, 0n, [0n, 0n, 0n, 100n], 'active'],
    ['partly spent and held', AFTER, 30n, 20n, 0n, [30n, 20n, 0n, 50n], 'active'],
    ['used up', AFTER, 100n, 0n, 0n, [100n, 0n, 0n, 0n], 'used_up'],
    ['held whole', null, 40n, 60n, 0n, [40n, 60n, 0n, 0n], 'active'],
    ['at its last moment', NOW, 30n, 20n, 0n, [30n, 20n, 50n, 0n], 'expired'],
    ['expired, with nothing in the ledger yet', BEFORE, 30n, 0n, 0n, [30n, 0n, 70n, 0n], 'expired'],
    ['expired, when a hold gave back 15 since', BEFORE, 35n, 0n, 50n, [35n, 0n, 65n, 0n], 'expired'],
    ['used up before it expired', BEFORE, 100n, 0n, 0n, [100n, 0n, 0n, 0n], 'used_up'],
  ] as const)('%s adds up to its amount', (_, expiresAt, posted, held, lapsed, parts, state) => {
    const grant = { amountNanoUsd: 100n, expiresAt, expiredNanoUsd: lapsed };
    const balance = balanceOf(grant, { postedNanoUsd: posted, heldNanoUsd: held }, NOW);
    const { spentNanoUsd, heldNanoUsd, expiredNanoUsd, leftNanoUsd } = balance;
    expect([spentNanoUsd, heldNanoUsd, expiredNanoUsd, leftNanoUsd]).toEqual(parts);
    expect(spentNanoUsd + heldNanoUsd + expiredNanoUsd + leftNanoUsd).toBe(100n);
    expect(stateOf(balance, expiresAt !== null && expiresAt <= NOW)).toBe(state);
  });

  // After a late final of a gateway that counted as gone, more may be charged and held than is left.
  it('adds up to its amount whatever is charged and held, and no part is ever negative', () => {
    const amount = fc.bigInt(0n, 150n);
    fc.assert(
      fc.property(amount, amount, fc.bigInt(0n, 100n), fc.constantFrom(null, BEFORE, NOW, AFTER), (...given) => {
        const [postedNanoUsd, heldNanoUsd, expiredNanoUsd, expiresAt] = given;
        const grant = { amountNanoUsd: 100n, expiresAt, expiredNanoUsd };
        const parts = Object.values(balanceOf(grant, { postedNanoUsd, heldNanoUsd }, NOW)) as bigint[];
        expect(parts.reduce((sum, part) => sum + part)).toBe(100n);
        for (const part of parts) expect(part).toBeGreaterThanOrEqual(0n);
      }),
    );
  });
});
