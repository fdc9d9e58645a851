import { describe, expect, it } from 'vitest';
import { accountsOf, type OrganizationSnapshot } from './organization-snapshot.js';
import type { ActiveSnapshot, CappedAccount } from './snapshot.js';

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
    expect(accountsOf(snapshot, organization)).toEqual(accounts);
  });
});
