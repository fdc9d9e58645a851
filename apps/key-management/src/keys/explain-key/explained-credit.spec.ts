import type { JoinedAccount, KeyAccounts } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import { explainCredit, type ExplainedCredit } from './explained-credit.js';

const NOW = Date.UTC(2026, 10, 29, 12);
const account = (accountId: string, capNanoUsd: string | null): JoinedAccount => ({
  accountId,
  capNanoUsd,
  generation: 0,
  cycle: null,
});
const UNLIMITED: KeyAccounts = { whole: [account('key:k', null)], either: [], grants: null };
const explain = (accounts: Partial<KeyAccounts>, more: Partial<ExplainedCredit> = {}) =>
  explainCredit(
    { isFree: false, isPriced: true, balances: new Map(), accounts: { ...UNLIMITED, ...accounts }, ...more },
    NOW,
  );
const passing = ({ checked }: ReturnType<typeof explainCredit>) =>
  Object.fromEntries(checked.filter(({ passes }) => passes !== true).map(({ rule, passes }) => [rule, passes]));
const posted = (nanoUsd: bigint, held = 0n) => ({ postedNanoUsd: nanoUsd, heldNanoUsd: held });

describe('an explanation of credit', () => {
  it('knows nothing of a limit whose balance nobody told, unless it is one of nothing', () => {
    const unknown = explain({ whole: [account('key:k', '5'), account('group:g', '7')] });
    expect([unknown.stop, passing(unknown)]).toEqual([null, { credit: null, budgets: null }]);
    expect(explain({ whole: [account('project:p', '0')] }).stop).toMatchObject({
      rule: 'budgets',
      code: 'quota_exceeded',
      message: 'The budget of the project p has 0 USD left.',
    });
  });

  it('counts what calls in flight hold, and names the first limit that refuses', () => {
    const whole = [account('key:k', '5'), account('organization:o', '5'), account('group:g', '0')];
    const balances = new Map([
      ['key:k', posted(4n)],
      ['organization:o', posted(2n, 3n)],
      ['group:g', posted(0n)],
    ]);
    const explained = explain({ whole }, { balances });
    expect(explained.stop).toMatchObject({ rule: 'organization_credit', code: 'insufficient_balance' });
    expect(passing(explained)).toEqual({ organization_credit: false, budgets: false });
  });

  it('passes over grants that have expired, and asks none where a quota has room', () => {
    const grants = [
      { grantId: 'old', amountNanoUsd: '9', expiresAtMs: NOW },
      { grantId: 'new', amountNanoUsd: '9', expiresAtMs: NOW + 1 },
    ];
    const balances = new Map([
      ['grant:old', posted(0n)],
      ['grant:new', posted(9n)],
      ['subscription:s', posted(0n)],
    ]);
    expect(explain({ grants }, { balances }).stop).toMatchObject({ rule: 'balance', code: 'insufficient_balance' });
    expect(explain({ grants: [] }).stop).toMatchObject({ rule: 'balance', code: 'insufficient_balance' });
    const quota = explain({ grants, either: [account('subscription:s', '1')] }, { balances });
    expect([quota.stop, passing(quota)]).toEqual([null, {}]);
  });

  it('asks for a price only where something is limited, and for nothing where calls are free', () => {
    const unpriced = { isPriced: false };
    expect(explain({}, unpriced).stop).toBeNull();
    const limited = { whole: [account('key:k', '0')] };
    expect(explain(limited, unpriced).stop).toMatchObject({ rule: 'price', code: 'unpriced_model' });
    expect(explain({ grants: [] }, unpriced).stop).toMatchObject({ code: 'unpriced_model' });
    const free = explain(limited, { ...unpriced, isFree: true });
    expect([free.stop, passing(free)['credit']]).toEqual([null, null]);
  });
});
