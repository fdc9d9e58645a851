import type { ActiveSnapshot, RevokeReason } from '@tollgate/api-key';
import { expect, it } from 'vitest';
import { endOf } from './key-end.js';

const ACTIVE: ActiveSnapshot = {
  apiKeyId: 'k',
  organizationId: 'default',
  version: 1,
  digests: ['ab'.repeat(32)],
  state: 'active',
  name: 'k',
  scopes: [],
  expiresAtMs: null,
  models: null,
  allowedIps: null,
  accounts: [],
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
};

it.each(['revoked', 'deleted', 'leaked'] satisfies RevokeReason[])(
  'a key that is %s has ended, whatever the time',
  (reason) => {
    const { apiKeyId, organizationId, version, digests } = ACTIVE;
    const tombstone = { apiKeyId, organizationId, version, digests, state: 'revoked', reason } as const;
    for (const nowMs of [-Infinity, 0, Infinity]) expect(endOf(tombstone, nowMs)).toBe('invalid_api_key');
  },
);

it('a key expires at the very moment that is named, and one without an expiry never does', () => {
  const expiring = { ...ACTIVE, expiresAtMs: 1_000 };
  expect([999, 1_000, 1_001].map((nowMs) => endOf(expiring, nowMs))).toEqual([
    null,
    'expired_api_key',
    'expired_api_key',
  ]);
  expect(endOf(ACTIVE, Number.MAX_SAFE_INTEGER)).toBeNull();
});
