import { cycleAccountId, cycleOf } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import {
  CLOCKS_APART_MS_MAX,
  emptyOrganization,
  loadAccounts,
  openEpoch,
  reserve,
  type CappedItem,
  type LoadItem,
  type OrganizationState,
  type PostedAccount,
} from './index.js';

const NOON = Date.parse('2026-11-29T12:00:00Z');
const MIDNIGHT = Date.parse('2026-11-30T00:00:00Z');
const HOUR_MS = 3_600_000;

function opened(posted: readonly PostedAccount[] = [], nowMs = NOON): OrganizationState {
  const state = emptyOrganization();
  openEpoch(state, { epochId: 'e', storeId: 's', posted, booked: [], waitingFor: [] }, nowMs);
  return state;
}

/** The account of a daily limit of 10 in the cycle of a moment, set by version 3 of the key. */
function daily(atMs: number, fields: Partial<CappedItem> = {}): CappedItem {
  const cycle = cycleOf('daily', atMs);
  return { accountId: cycleAccountId('k', cycle), capNanoUsd: 10n, generation: 3, cycle, ...fields };
}
const forGood = (fields: Partial<CappedItem> = {}): CappedItem => ({ accountId: 'key:k', capNanoUsd: 10n, ...fields });

let requests = 0;
function ask(state: OrganizationState, accounts: readonly CappedItem[], nowMs: number, amountNanoUsd = 4n): string {
  const item = {
    ...{ requestId: `r${++requests}`, organizationId: 'o', apiKeyId: 'k', instanceId: 'i', journalId: 'j', tokens: 0 },
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    amountNanoUsd,
    accounts,
  };
  const decision = reserve(state, item, 's', 0, nowMs);
  if (decision.kind === 'credit_exhausted') return `${decision.availableNanoUsd} left of ${decision.accountId}`;
  if (decision.kind !== 'unavailable') return decision.kind;
  if (decision.why === 'other_cycle') return `another cycle at ${new Date(decision.nowMs).toISOString()}`;
  return decision.why === 'not_loaded' ? `${decision.accountId} is not loaded` : decision.why;
}
const load = (state: OrganizationState, nowMs: number, ...items: LoadItem[]): boolean =>
  loadAccounts(state, items, 's', nowMs);

describe('a reserve on an account of a cycle', () => {
  const TODAY = daily(NOON, { generation: 0 });
  it.each<[string, number, string]>([
    ['is admitted in its first millisecond', Date.parse('2026-11-29T00:00:00Z'), 'admitted'],
    ['is admitted in its last millisecond', MIDNIGHT - 1, 'admitted'],
    ['is not decided once it has ended', MIDNIGHT, 'another cycle at 2026-11-30T00:00:00.000Z'],
    [
      'is not decided before it has begun',
      Date.parse('2026-11-28T23:59:59.999Z'),
      'another cycle at 2026-11-28T23:59:59.999Z',
    ],
  ])('%s', (_what, nowMs, outcome) => {
    const state = opened();
    expect(ask(state, [TODAY], nowMs)).toBe(outcome);
    expect(state.holds.size).toBe(outcome === 'admitted' ? 1 : 0);
  });

  it('takes nothing of another cycle, nor of the accounts beside it if it is of another one', () => {
    const state = opened();
    const organization = { accountId: 'organization:o', capNanoUsd: 100n };
    expect(ask(state, [TODAY, organization], NOON, 10n)).toBe('admitted');
    expect(ask(state, [TODAY, organization], NOON, 1n)).toBe('0 left of key:k:daily:2026-11-29');
    expect(ask(state, [TODAY, organization], MIDNIGHT, 1n)).toMatch('another cycle');
    expect(state.accounts.get('organization:o')?.heldNanoUsd).toBe(10n);
    expect(ask(state, [daily(MIDNIGHT, { generation: 0 }), organization], MIDNIGHT, 10n)).toBe('admitted');
  });
});

describe('an account that must be loaded', () => {
  it('admits nothing until it is, and then no more than is left of what was charged before', () => {
    const state = opened();
    const limit = forGood({ generation: 5 });
    expect(ask(state, [limit], NOON)).toBe('key:k is not loaded');
    load(state, NOON, { accountId: 'key:k', unheldNanoUsd: 7n, generation: 4 });
    expect(ask(state, [limit], NOON)).toBe('key:k is not loaded');
    load(state, NOON, { accountId: 'key:k', unheldNanoUsd: 7n, generation: 5 });
    expect(ask(state, [limit], NOON)).toBe('3 left of key:k');
    expect(ask(state, [limit], NOON, 3n)).toBe('admitted');
  });

  it('is loaded for a version by a load for a later one, and stays so', () => {
    const state = opened();
    load(state, NOON, { accountId: 'key:k', unheldNanoUsd: 0n, generation: 9 });
    load(state, NOON, { accountId: 'key:k', unheldNanoUsd: 0n, generation: 2 });
    expect(ask(state, [forGood({ generation: 9 })], NOON)).toBe('admitted');
    expect(ask(state, [forGood({ generation: 10 })], NOON)).toBe('key:k is not loaded');
  });

  it('keeps no other key waiting', () => {
    const state = opened();
    expect(ask(state, [forGood({ generation: 5 })], NOON)).toBe('key:k is not loaded');
    expect(ask(state, [{ accountId: 'key:other', capNanoUsd: 10n }], NOON)).toBe('admitted');
  });

  it('is that of the organisation as well as that of the key', () => {
    const organization = { accountId: 'organization:o', capNanoUsd: 10n, generation: 2 };
    const state = opened();
    expect(ask(state, [forGood(), organization], NOON)).toBe('organization:o is not loaded');
    load(state, NOON, { accountId: 'organization:o', unheldNanoUsd: 8n, generation: 2 });
    expect(ask(state, [forGood(), organization], NOON)).toBe('2 left of organization:o');
  });
});

describe('what is charged without a hold', () => {
  it.each<[string, readonly bigint[], bigint]>([
    ['counts once, however often it is told', [6n, 6n, 6n], 6n],
    ['grows with each charge', [6n, 8n], 8n],
    ['never falls, if calls overtake one another', [8n, 6n], 8n],
  ])('%s', (_what, told, posted) => {
    const state = opened();
    for (const unheldNanoUsd of told) load(state, NOON, { accountId: 'key:k', unheldNanoUsd, generation: 1 });
    expect(state.accounts.get('key:k')?.postedNanoUsd ?? 0n).toBe(posted);
  });

  it('may stand above the cap; then nothing is admitted, and 0 is left', () => {
    const state = opened();
    expect(ask(state, [forGood()], NOON, 10n)).toBe('admitted');
    load(state, NOON, { accountId: 'key:k', unheldNanoUsd: 25n, generation: 0 });
    expect(ask(state, [forGood()], NOON, 1n)).toBe('0 left of key:k');
    expect(ask(state, [forGood({ capNanoUsd: 36n })], NOON, 1n)).toBe('admitted');
  });

  it('is part of what an epoch starts with, and is not added to that again', () => {
    const account = { accountId: 'key:k', unheldNanoUsd: 6n, generation: 2 };
    const state = opened([{ ...account, postedNanoUsd: 9n }]);
    load(state, NOON, account);
    expect(state.accounts.get('key:k')?.postedNanoUsd).toBe(9n);
    expect(ask(state, [forGood({ generation: 2 })], NOON, 1n)).toBe('admitted');
    load(state, NOON, { ...account, unheldNanoUsd: 7n });
    expect(state.accounts.get('key:k')?.postedNanoUsd).toBe(10n);
  });

  it('is left to the next epoch if none is open, or that of another store', () => {
    const item = { accountId: 'key:k', unheldNanoUsd: 6n, generation: 2 };
    for (const state of [emptyOrganization(), { ...opened(), epoch: { epochId: 'e', storeId: 'former' } }]) {
      expect(load(state, NOON, item)).toBe(false);
      expect([state.accounts.size, state.loads.size]).toEqual([0, 0]);
    }
  });
});

describe('the cycles after a load', () => {
  const LOADED = { accountId: daily(NOON).accountId, unheldNanoUsd: 3n, generation: 3 };
  const APART = CLOCKS_APART_MS_MAX;
  it.each<[string, number, readonly CappedItem[], number, string]>([
    ['need no load of their own', NOON, [daily(MIDNIGHT)], MIDNIGHT, 'admitted'],
    ['need none days later', NOON, [daily(MIDNIGHT + 72 * HOUR_MS)], MIDNIGHT + 72 * HOUR_MS, 'admitted'],
    [
      'need one for a later version of the limit',
      NOON,
      [daily(MIDNIGHT, { generation: 4 })],
      MIDNIGHT,
      'key:k:daily:2026-11-30 is not loaded',
    ],
    [
      'need one if clocks may disagree whether it was loaded before the cycle began',
      MIDNIGHT - APART,
      [daily(MIDNIGHT)],
      MIDNIGHT,
      'key:k:daily:2026-11-30 is not loaded',
    ],
    ['need none if no clock can', MIDNIGHT - APART - 1, [daily(MIDNIGHT)], MIDNIGHT, 'admitted'],
  ])('%s', (_what, loadedAtMs, accounts, nowMs, outcome) => {
    const state = opened();
    load(state, loadedAtMs, LOADED);
    expect(ask(state, accounts, nowMs)).toBe(outcome);
  });

  it('of other limits need a load of their own', () => {
    const state = opened();
    load(state, NOON, LOADED);
    const cycle = cycleOf('daily', MIDNIGHT);
    const other = daily(MIDNIGHT, { accountId: cycleAccountId('other', cycle) });
    expect(ask(state, [other], MIDNIGHT)).toBe('key:other:daily:2026-11-30 is not loaded');
    // A limit that never resets again counts the key's whole life.
    expect(ask(state, [forGood({ generation: 3 })], MIDNIGHT)).toBe('key:k is not loaded');
  });

  it('count from the first load, if it is repeated later', () => {
    const state = opened();
    load(state, NOON, LOADED);
    load(state, MIDNIGHT, LOADED);
    expect(ask(state, [daily(MIDNIGHT)], MIDNIGHT)).toBe('admitted');
  });

  it('begin with what the ledger charged to them without a hold', () => {
    const state = opened();
    load(state, NOON, LOADED);
    load(state, MIDNIGHT, { accountId: daily(MIDNIGHT).accountId, unheldNanoUsd: 8n, generation: 0 });
    expect(ask(state, [daily(MIDNIGHT)], MIDNIGHT)).toBe('2 left of key:k:daily:2026-11-30');
  });

  it('begin with an epoch as with a load', () => {
    const state = opened([{ ...LOADED, postedNanoUsd: 3n }]);
    expect(ask(state, [daily(NOON)], NOON)).toBe('admitted');
    expect(ask(state, [daily(MIDNIGHT)], MIDNIGHT)).toBe('admitted');
    expect(ask(opened([{ ...LOADED, postedNanoUsd: 3n }], MIDNIGHT), [daily(MIDNIGHT)], MIDNIGHT)).toMatch(
      'not loaded',
    );
  });
});
