import { describe, expect, it } from 'vitest';
import { accountsOf, type JoinedAccount } from './accounts-of.js';
import { cycleOf } from './credit-cycle.js';
import { groupsThatOpen, type OrganizationSnapshot, type SnapshotBudget } from './organization-snapshot.js';
import type { ActiveSnapshot, CappedAccount } from './snapshot.js';
import { subscriptionTermsAt } from './subscription-cycle-terms.js';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const own = { accountId: 'key:k', capNanoUsd: '5' };
const organizations = (capNanoUsd: string): CappedAccount => ({ accountId: 'organization:o', capNanoUsd });
const key = (...accounts: readonly CappedAccount[]): ActiveSnapshot => ({
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
  accounts,
});
const capped = (capNanoUsd: string | null): OrganizationSnapshot => ({
  organizationId: 'o',
  version: 1,
  state: 'active',
  capNanoUsd,
});

describe('the accounts of a key', () => {
  it.each<[string, ActiveSnapshot, OrganizationSnapshot | null, readonly CappedAccount[]]>([
    ['without a cap of its organisation', key(own), capped(null), [own]],
    ['with a cap that its own snapshot does not have', key(own), capped('7'), [own, organizations('7')]],
    [
      'with another cap than its own snapshot has',
      key(own, organizations('9')),
      capped('7'),
      [own, organizations('7')],
    ],
    ['with a cap of nothing', key(own), capped('0'), [own, organizations('0')]],
    ['whose organisation has a cap no longer', key(own, organizations('9')), capped(null), [own]],
    ['whose organisation has no snapshot', key(own, organizations('9')), null, [own, organizations('9')]],
    [
      'with an account of a later release',
      key(own, organizations('9'), { accountId: 'project:p', capNanoUsd: '1' }),
      capped('7'),
      [own, { accountId: 'project:p', capNanoUsd: '1' }, organizations('7')],
    ],
  ])('%s', (_what, snapshot, organization, accounts) => {
    expect(accountsOf(snapshot, organization, NOW).whole).toEqual(
      accounts.map((account) => ({ ...account, generation: 0, cycle: null })),
    );
  });

  const daily = cycleOf('daily', NOW);
  it.each<[string, Partial<ActiveSnapshot>, Partial<OrganizationSnapshot>, readonly Partial<JoinedAccount>[]]>([
    [
      'of a limit that never resets',
      { creditReset: 'never' },
      {},
      [{ accountId: 'key:k', generation: 0, cycle: null }],
    ],
    [
      'of a limit that was set on a key in use',
      { creditGeneration: 7 },
      {},
      [{ accountId: 'key:k', generation: 7, cycle: null }],
    ],
    [
      'of a limit of each day',
      { creditReset: 'daily', creditGeneration: 3 },
      {},
      [{ accountId: 'key:k:daily:2026-11-29', capNanoUsd: '5', generation: 3, cycle: daily }],
    ],
    [
      'of a key without a limit, whatever its reset',
      { creditReset: 'daily', creditGeneration: 3, accounts: [{ ...own, capNanoUsd: null }] },
      {},
      [{ accountId: 'key:k', capNanoUsd: null, generation: 0, cycle: null }],
    ],
    [
      'of an organisation whose cap was set while its keys were in use',
      { creditReset: 'weekly' },
      { capNanoUsd: '7', capGeneration: 4 },
      [
        { accountId: 'key:k:weekly:2026-11-23', generation: 0 },
        { accountId: 'organization:o', capNanoUsd: '7', generation: 4, cycle: null },
      ],
    ],
    [
      'of an organisation without a cap any more',
      {},
      { capNanoUsd: null, capGeneration: 4 },
      [{ accountId: 'key:k', generation: 0 }],
    ],
  ])('%s', (_what, of, cap, accounts) => {
    const { whole: joined } = accountsOf({ ...key(own), ...of }, { ...capped(null), ...cap }, NOW);
    expect(joined).toHaveLength(accounts.length);
    expect(joined).toMatchObject(accounts);
  });
});

const budget = (kind: 'group' | 'project', ownerId: string, more: Partial<SnapshotBudget> = {}): SnapshotBudget => ({
  kind,
  ownerId,
  capNanoUsd: '9',
  reset: 'never',
  generation: 2,
  ...more,
});
const ids = (accounts: readonly JoinedAccount[]): readonly string[] => accounts.map(({ accountId }) => accountId);

describe('the budgets of a key', () => {
  const budgets = [
    budget('group', 'g', { reset: 'monthly' }),
    budget('group', 'h', { reset: 'weekly' }),
    budget('group', 'other'),
    budget('project', 'p'),
    budget('project', 'other'),
  ];
  const organization = { ...capped('7'), budgets, groupRoutes: { g: ['r', 'constructor'], h: ['s', 'r'], i: ['r'] } };
  const member = { ...key(own), groups: ['h', 'g'], projectId: 'p' };

  it('are those of its project and of all its groups, each in its cycle, whoever else has budgets', () => {
    const { whole, either, grants } = accountsOf(member, organization, NOW);
    expect(ids(whole)).toEqual([
      'key:k',
      'organization:o',
      'group:g:monthly:2026-11-01',
      'group:h:weekly:2026-11-23',
      'project:p',
    ]);
    expect(whole.slice(2)).toMatchObject([{ generation: 2, cycle: cycleOf('monthly', NOW) }, {}, { cycle: null }]);
    expect([either, grants]).toEqual([[], null]);
  });
  it('are on a route that groups open those of these groups alone, and of the project', () => {
    const on = (route: string) =>
      ids(accountsOf(member, organization, NOW, groupsThatOpen(member, organization, route)).whole);
    expect(on('r').slice(2)).toEqual(['group:g:monthly:2026-11-01', 'group:h:weekly:2026-11-23', 'project:p']);
    expect(on('s').slice(2)).toEqual(['group:h:weekly:2026-11-23', 'project:p']);
    expect(groupsThatOpen(member, organization, 'r')).toEqual(['h', 'g']);
    expect(groupsThatOpen(member, organization, 'nowhere')).toEqual([]);
    expect(groupsThatOpen({ groups: ['constructor'] }, organization, 'r')).toEqual([]);
    expect(groupsThatOpen(key(own), null, 'r')).toEqual([]);
  });
  it('follow from the clock: one millisecond after the boundary it is the next cycle', () => {
    const at = (ms: number) => ids(accountsOf(member, organization, ms).whole)[2];
    const boundary = Date.UTC(2026, 11, 1);
    expect([at(boundary - 1), at(boundary)]).toEqual(['group:g:monthly:2026-11-01', 'group:g:monthly:2026-12-01']);
  });
  it('of nothing refuse, and are not taken for none', () => {
    const empty = { ...organization, budgets: [budget('project', 'p', { capNanoUsd: '0' })] };
    expect(accountsOf(member, empty, NOW).whole.at(-1)).toMatchObject({ accountId: 'project:p', capNanoUsd: '0' });
  });
});

describe('a raise', () => {
  const raise = { amountNanoUsd: '4', untilMs: NOW + 1_000 };
  it('is the whole cap until it ends, of each kind of limit', () => {
    const organization = { ...capped('7'), capRaise: raise, budgets: [budget('project', 'p', { raise })] };
    const { whole } = accountsOf({ ...key(own), creditRaise: raise, projectId: 'p' }, organization, NOW);
    expect(whole.map((account) => account.raise)).toEqual(
      ['9', '11', '13'].map((capNanoUsd) => ({ capNanoUsd, untilMs: NOW + 1_000 })),
    );
  });
  it('stays a while after its end, which the clock of admission decides, and then is gone', () => {
    const at = (ms: number) => accountsOf({ ...key(own), creditRaise: raise }, null, ms).whole[0]?.raise;
    expect([at(NOW + 2_000)?.capNanoUsd, at(NOW + 3_600_000)]).toEqual(['9', undefined]);
  });
  it('is nothing for a key without a limit', () => {
    const unlimited = key({ ...own, capNanoUsd: null });
    expect(accountsOf({ ...unlimited, creditRaise: raise }, null, NOW).whole[0]).not.toHaveProperty('raise');
  });
});

describe('the accounts of a subscription', () => {
  const anchorMs = Date.UTC(2026, 9, 31, 23, 30);
  const subscribed = (more: object = {}): ActiveSnapshot => ({
    ...key({ ...own, capNanoUsd: null }),
    state: 'subscribed',
    subscription: {
      subscriptionId: 's',
      anchorMs,
      quotas: [{ fromMs: anchorMs, quotaNanoUsd: '10' }],
      endsAtMs: null,
      payg: null,
      ...more,
    },
  });
  const FIRST = '20261031T233000Z-20261130T233000Z';
  const SECOND = '20261130T233000Z-20261231T233000Z';

  it('are its quota and its pay-as-you-go in the present cycle, beside its own without a cap', () => {
    const { whole, either } = accountsOf(subscribed({ payg: { capNanoUsd: '3' } }), null, NOW);
    expect(ids(whole)).toEqual(['key:k']);
    expect(either).toMatchObject([
      { accountId: `subscription:s:${FIRST}`, capNanoUsd: '10', generation: 0 },
      { accountId: `payg:s:${FIRST}`, capNanoUsd: '3', cycle: { endMs: Date.UTC(2026, 10, 30, 23, 30) } },
    ]);
    expect(ids(accountsOf(subscribed(), null, Date.UTC(2026, 10, 30, 23, 30)).either)).toEqual([
      `subscription:s:${SECOND}`,
    ]);
  });
  it('have a raise of what may be spent beyond the quota until it has ended, in each cycle', () => {
    const raise = { amountNanoUsd: '4', untilMs: NOW + 5 };
    const paygAt = (ms: number) => accountsOf(subscribed({ payg: { capNanoUsd: '3', raise } }), null, ms).either[1];
    expect(paygAt(NOW)).toMatchObject({ capNanoUsd: '3', raise: { capNanoUsd: '7', untilMs: NOW + 5 } });
    expect(paygAt(NOW + 86_400_000)).not.toHaveProperty('raise');
  });
  it('have the quota of the cycle, of those that were set before its start the last', () => {
    const quotas = [
      { fromMs: anchorMs, quotaNanoUsd: '10' },
      { fromMs: Date.UTC(2026, 10, 30, 23, 30), quotaNanoUsd: '0' },
      { fromMs: Date.UTC(2027, 0, 31, 23, 30), quotaNanoUsd: '30' },
    ];
    const at = (ms: number) => accountsOf(subscribed({ quotas }), null, ms).either[0]?.capNanoUsd;
    expect([at(NOW), at(Date.UTC(2026, 11, 5)), at(Date.UTC(2027, 0, 5)), at(Date.UTC(2027, 1, 5))]).toEqual([
      '10',
      '0',
      '0',
      '30',
    ]);
  });
  describe('are charged by the clock as the plan of each cycle says:', () => {
    const next = Date.UTC(2026, 10, 30, 23, 30);
    const off = { payg: null, markupMillionths: null };
    const on = { payg: { capNanoUsd: '3' }, markupMillionths: 50_000 };
    it.each<[string, object, object, object]>([
      ['what counted first', { ...off, cycleTerms: [{ fromMs: anchorMs, ...on }] }, on, on],
      [
        'what follows',
        { ...off, cycleTerms: [off, on].map((one, at) => ({ fromMs: [0, next][at], ...one })) },
        off,
        on,
      ],
      ['what ends', { ...on, cycleTerms: [on, off].map((one, at) => ({ fromMs: [0, next][at], ...one })) }, on, off],
      ['the same in each, as releases before write it', on, on, on],
      ['the same in each, and no mark-up', { payg: null }, off, off],
    ])('%s', (_, fields, present, following) => {
      const { subscription } = subscribed(fields);
      expect(subscriptionTermsAt(subscription!, next - 1)).toMatchObject({ number: 0, ...present });
      expect(subscriptionTermsAt(subscription!, next)).toMatchObject({ number: 1, ...following });
      const caps = (ms: number) => accountsOf(subscribed(fields), null, ms).either.map(({ capNanoUsd }) => capNanoUsd);
      expect([caps(next - 1), caps(next)]).toEqual(
        [present, following].map((one) => (one === on ? ['10', '3'] : ['10'])),
      );
    });
  });
  it('may be used by a clock that is behind the one by which it began', () => {
    expect(accountsOf(subscribed(), null, anchorMs - 5_000).either[0]).toMatchObject({
      accountId: `subscription:s:${FIRST}`,
      cycle: { startMs: 0 },
    });
  });
});
