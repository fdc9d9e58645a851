import type { ActiveSnapshot, CappedAccount, OrganizationSnapshot } from '@tollgate/api-key';
import { usageRecordedV2 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { eventPartWith, isWithin, KeyCharges } from './key-charge.js';

const NOW = Date.UTC(2026, 10, 29, 12);
const OPEN = { access: 'everyone', name: 'open' } as const;
const closed = (name: string) => ({ access: 'groups', name }) as const;

function charges(key: Partial<ActiveSnapshot>, organization: Partial<OrganizationSnapshot> = {}): KeyCharges {
  const snapshot: ActiveSnapshot = {
    apiKeyId: 'k',
    organizationId: 'o',
    version: 1,
    digests: [],
    state: 'active',
    name: 'k',
    scopes: [],
    expiresAtMs: null,
    models: null,
    allowedIps: null,
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    accounts: [{ accountId: 'key:k', capNanoUsd: null }],
    ...key,
  };
  const billed = { organizationId: 'o', version: 1, state: 'billed', capNanoUsd: null, ...organization } as const;
  return new KeyCharges({ snapshot, organization: billed, secretId: 's', nowMs: NOW });
}
const budget = (kind: 'group' | 'project', ownerId: string, reset: 'never' | 'daily' | 'weekly' = 'never') =>
  ({ kind, ownerId, capNanoUsd: '9', reset, generation: 1 }) as const;
const factsOf = (eventPart: string): Record<string, unknown> => JSON.parse(`{${eventPart}}`) as Record<string, unknown>;

describe('what a key is charged to', () => {
  const joined = charges(
    { groups: ['g', 'h'], projectId: 'p', memberId: 'm' },
    {
      budgets: [budget('group', 'g', 'daily'), budget('group', 'h', 'weekly'), budget('project', 'p')],
      groupRoutes: { h: ['r'] },
    },
  );
  const idsOn = (route: Parameters<KeyCharges['on']>[0]) => joined.on(route).accounts.map(({ accountId }) => accountId);

  it('follows from the route, and is the same list each time, by which admission knows it', () => {
    expect(idsOn(OPEN)).toEqual(['group:g:daily:2026-11-29', 'group:h:weekly:2026-11-23', 'project:p']);
    expect(idsOn(closed('r'))).toEqual(['group:h:weekly:2026-11-23', 'project:p']);
    expect(joined.on(closed('r')).accounts).toBe(joined.on(closed('r')).accounts);
    expect([joined.on(OPEN).routeGroupId, joined.on(closed('r')).routeGroupId]).toEqual([null, 'h']);
  });
  it('names all groups that opened the route, with budgets or without', () => {
    const member = charges({ groups: ['g', 'h', 'i'] }, { groupRoutes: { g: ['r', 's'], i: ['r'] } });
    const openers = (route: Parameters<KeyCharges['on']>[0]) => {
      const { routeGroupId, otherRouteGroupIds } = member.on(route);
      return [routeGroupId, otherRouteGroupIds];
    };
    expect(openers(closed('r'))).toEqual(['g', ['i']]);
    expect(openers(closed('s'))).toEqual(['g', undefined]);
    expect(openers(OPEN)).toEqual([null, undefined]);
  });
  it('is joined anew at the end of the cycle that ends first', () => {
    expect(joined.period).toEqual({ startMs: Date.UTC(2026, 10, 29), endMs: Date.UTC(2026, 10, 30) });
    expect([isWithin(joined.period, NOW), isWithin(joined.period, Date.UTC(2026, 10, 30))]).toEqual([true, false]);
    expect(charges({}).period).toBeNull();
  });
  it('is told in its events with its project, its maker and its groups, and what is lacking is left out', () => {
    expect(factsOf(joined.on(closed('r')).eventPart)).toEqual({
      organizationId: 'o',
      apiKeyId: 'k',
      accounts: [
        { accountId: 'key:k', capNanoUsd: null },
        { accountId: 'group:h:weekly:2026-11-23', capNanoUsd: '9' },
        { accountId: 'project:p', capNanoUsd: '9' },
      ],
      secretId: 's',
      projectId: 'p',
      memberId: 'm',
      groupIds: ['g', 'h'],
    });
    expect(charges({}).on(OPEN).eventPart).not.toMatch(/projectId|memberId|groupIds/);
  });
  it('is nothing where no limit applies, and something where an organisation was given no credit', () => {
    expect(charges({}).on(OPEN)).toMatchObject({ isCapped: false, accounts: [], chosen: null });
    expect(charges({}, { grants: [] }).on(OPEN)).toMatchObject({ isCapped: true, accounts: [], grants: [] });
  });
});

describe('the accounts in an event', () => {
  const subscription = { subscriptionId: 's', anchorMs: 0, quotas: [{ fromMs: 0, quotaNanoUsd: '5' }], endsAtMs: null };
  const charge = charges(
    { apiKeyId: '"accounts":[]', subscription: { ...subscription, payg: { capNanoUsd: '7' } } },
    {
      grants: [
        { grantId: 'g]1', amountNanoUsd: '3', expiresAtMs: 9 },
        { grantId: 'g2', amountNanoUsd: '4', expiresAtMs: null },
      ],
    },
  ).on(OPEN);
  const accountsIn = (text: string): unknown => factsOf(text)['accounts'];
  const [quota, payg] = charge.either!.map(({ accountId }) => accountId);
  const own = { accountId: 'key:k', capNanoUsd: null };

  it('are those that admission chose, and what it took of grants', () => {
    const parts = [
      { accountId: 'grant:g]1', amountNanoUsd: 2n },
      { accountId: 'grant:g2', amountNanoUsd: 1n },
    ];
    const text = eventPartWith(charge, { either: payg!, parts });
    const accounts = [
      own,
      { accountId: payg, capNanoUsd: '7' },
      { accountId: 'grant:g]1', capNanoUsd: '3', heldNanoUsd: '2' },
      { accountId: 'grant:g2', capNanoUsd: '4', heldNanoUsd: '1' },
    ];
    expect(accountsIn(text)).toEqual(accounts);
    expect(usageRecordedV2.shape.accounts.parse(accountsIn(text))).toMatchObject(accounts);
  });
  it('are the quota alone where it covers the call', () => {
    expect(accountsIn(eventPartWith(charge, { either: quota!, parts: [] }))).toEqual([
      own,
      { accountId: quota, capNanoUsd: '5' },
    ]);
  });
  it('are those with the whole charge where a call holds nothing', () => {
    expect(accountsIn(eventPartWith(charge, {}))).toEqual([own]);
  });

  // The ledger charges nothing beyond the cap that an event names: a lower one than admission's makes calls free.
  describe('have no lower cap than that under which admission may admit a call', () => {
    const raised = { raise: { amountNanoUsd: '100', untilMs: NOW + 60_000 } };
    const justEnded = { raise: { amountNanoUsd: '100', untilMs: NOW - 1_000 } };
    it.each([
      ['a raise that goes on', raised],
      ['a raise that has ended by this clock, but may not by that of admission', justEnded],
    ])('with %s', (_, raise) => {
      const joined = charges(
        {
          projectId: 'p',
          groups: ['g'],
          accounts: [{ accountId: 'key:k', capNanoUsd: '1' }],
          creditRaise: raise.raise,
          subscription: { ...subscription, payg: { capNanoUsd: '3', ...raise } },
        },
        {
          capNanoUsd: '2',
          capRaise: raise.raise,
          budgets: [
            { ...budget('group', 'g', 'daily'), ...raise },
            { ...budget('project', 'p'), ...raise },
          ],
        },
      ).on(OPEN);
      for (const either of joined.either!) {
        const named = accountsIn(eventPartWith(joined, { either: either.accountId })) as CappedAccount[];
        for (const held of [...joined.accounts, either]) {
          const cap = held.raise?.capNanoUsd ?? held.capNanoUsd;
          expect([held.accountId, BigInt(named.find((one) => one.accountId === held.accountId)!.capNanoUsd!)]).toEqual([
            held.accountId,
            cap,
          ]);
        }
      }
      expect(joined.accounts.filter(({ raise: of }) => of !== undefined)).toHaveLength(4);
    });
  });
});
