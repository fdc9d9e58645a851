import { describe, expect, it } from 'vitest';
import { cycleOf } from './credit-cycle.js';
import { accountsOf, type JoinedAccount, type OrganizationSnapshot } from './organization-snapshot.js';
import type { ActiveSnapshot, CappedAccount } from './snapshot.js';

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
    expect(accountsOf(snapshot, organization, NOW)).toEqual(
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
    const joined = accountsOf({ ...key(own), ...of }, { ...capped(null), ...cap }, NOW);
    expect(joined).toHaveLength(accounts.length);
    expect(joined).toMatchObject(accounts);
  });
});
