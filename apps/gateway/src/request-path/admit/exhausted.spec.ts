import type { ReserveItem } from '@tollgate/credit';
import { describe, expect, it } from 'vitest';
import { exhausted } from './exhausted.js';

const PERIOD = '20261129T233000Z-20261229T233000Z';
const cycle = { startMs: Date.UTC(2026, 10, 29), endMs: Date.UTC(2026, 10, 30) };
const account = (accountId: string, cycles = true) => ({ accountId, capNanoUsd: 1n, ...(cycles ? { cycle } : {}) });
const RESETS = ' The limit resets at 2026-11-30T00:00:00Z.';

describe('a request beyond what is left', () => {
  it.each([
    ['quota_exceeded', 'key:k', 'credit limit of the API key', ''],
    ['quota_exceeded', 'key:k:daily:2026-11-29', 'credit limit of the API key', RESETS],
    ['quota_exceeded', 'group:g:daily:2026-11-29', 'budget of the group g', RESETS],
    ['quota_exceeded', 'project:p', 'budget of the project p', ''],
    ['quota_exceeded', `subscription:s:${PERIOD}`, 'quota of the subscription', RESETS],
    ['insufficient_balance', `payg:s:${PERIOD}`, 'pay-as-you-go limit of the subscription', RESETS],
    ['insufficient_balance', 'organization:o', 'credit limit of the organization', ''],
    ['insufficient_balance', 'grant:1', 'prepaid balance of the organization', ''],
    ['insufficient_balance', 'grants', 'prepaid balance of the organization', ''],
  ])('is refused with %s for the account %s: the message says whose limit it is', (code, accountId, name, resets) => {
    const named = account(accountId, resets !== '');
    const item = { amountNanoUsd: 5_000n, accounts: [named], either: [named] } as unknown as ReserveItem;
    expect(exhausted(item, { kind: 'credit_exhausted', accountId, availableNanoUsd: 2_000n })).toMatchObject({
      code,
      message: `The ${name} has 0.000002 USD left, and this request can cost 0.000005 USD at most.${resets}`,
    });
  });
});
