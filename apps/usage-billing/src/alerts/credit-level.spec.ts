import { describe, expect, it } from 'vitest';
import { newAccount, type AccountState } from '../ledger/account.js';
import { levelChanges, levelOf, refusedChange } from './credit-level.js';

const KEY = 'key:k:monthly:2026-11-01';
const FOR_GOOD = 'key:k';

function state(accountId: string, postedNanoUsd: bigint, capNanoUsd: bigint | null): [string, AccountState] {
  return [accountId, { ...newAccount(accountId, 'o', 'k'), postedNanoUsd, capNanoUsd }];
}
const between = (before: [string, AccountState] | null, after: [string, AccountState]) =>
  levelChanges(new Map(before === null ? [] : [before]), new Map([after]));

describe('a level', () => {
  it.each<[bigint, bigint | null, number]>([
    [0n, 100n, 0],
    [49n, 100n, 0],
    [50n, 100n, 50],
    [79n, 100n, 50],
    [80n, 100n, 80],
    [99n, 100n, 90],
    [100n, 100n, 100],
    [120n, 100n, 100],
    // Of three nano-USD none is 80 %; 8,999,999 USD of 9,000,000 are not 100 %, whatever a double says.
    [2n, 3n, 50],
    [8_999_999_999_999_999n, 9_000_000_000_000_000n, 90],
    [7_999_999_999_999_999n, 9_999_999_999_999_999n, 50],
    [1n, 0n, 100],
    [0n, 0n, 0],
    [5n, null, 0],
  ])('of %s used of %s is %i', (used, limit, level) => expect(levelOf(used, limit)).toBe(level));
});

describe('G1: a booking', () => {
  it('crosses a level once: not on every request above it', () => {
    const crossed = between(state(KEY, 79n, 100n), state(KEY, 80n, 100n));
    expect(crossed).toMatchObject({
      crossings: [{ accountId: KEY, level: 80, reason: 'posted', usedNanoUsd: 80n, limitNanoUsd: 100n, apiKeyId: 'k' }],
      armedAgain: [],
    });
    expect(between(state(KEY, 80n, 100n), state(KEY, 89n, 100n)).crossings).toEqual([]);
  });
  it('that jumps over levels tells the highest', () => {
    expect(between(null, state(KEY, 95n, 100n)).crossings).toMatchObject([{ level: 90 }]);
    expect(between(state(KEY, 10n, 100n), state(KEY, 100n, 100n)).crossings).toMatchObject([{ level: 100 }]);
  });
  it('under a lowered cap crosses without having charged more', () => {
    expect(between(state(KEY, 50n, 100n), state(KEY, 50n, 60n)).crossings).toMatchObject([{ level: 80 }]);
  });
  it('under a raised cap arms an account without cycles again, and no other', () => {
    expect(between(state(FOR_GOOD, 85n, 100n), state(FOR_GOOD, 86n, 200n))).toEqual({
      crossings: [],
      armedAgain: [{ accountId: FOR_GOOD, level: 0 }],
    });
    expect(between(state(FOR_GOOD, 95n, 100n), state(FOR_GOOD, 96n, 120n)).armedAgain).toEqual([
      { accountId: FOR_GOOD, level: 80 },
    ]);
    expect(between(state(KEY, 85n, 100n), state(KEY, 86n, 200n))).toEqual({ crossings: [], armedAgain: [] });
    // A call may have been refused at 97 %: that counts as 100, and a raise arms it although 90 % stay used.
    expect(between(state(FOR_GOOD, 970n, 1_000n), state(FOR_GOOD, 970n, 1_010n)).armedAgain).toEqual([
      { accountId: FOR_GOOD, level: 90 },
    ]);
  });
  it('to a grant, or to an account without a limit, tells nothing of that account', () => {
    expect(between(null, state('grant:g', 95n, 100n)).crossings).toEqual([]);
    expect(between(null, state(KEY, 95n, null)).crossings).toEqual([]);
  });
});

describe('G2: a refusal', () => {
  const refusedCall = { askedNanoUsd: 50n, leftNanoUsd: 3n };
  const facts = { organizationId: 'o', apiKeyId: 'k', usedNanoUsd: 97n, limitNanoUsd: 100n, refusedCall };
  it('is 100 %, whatever is posted', () => {
    expect(refusedChange({ ...facts, accountId: KEY }, false)).toEqual({
      crossings: [{ ...facts, accountId: KEY, level: 100, reason: 'refused' }],
      armedAgain: [],
    });
  });
  it('arms an account without cycles again where a lower limit was told of', () => {
    expect(refusedChange({ ...facts, accountId: FOR_GOOD }, true).armedAgain).toEqual([
      { accountId: FOR_GOOD, level: 90, belowNanoUsd: 100n },
    ]);
  });
});
