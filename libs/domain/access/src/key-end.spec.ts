import type { ActiveSnapshot, RevokeReason } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import { endOf, endsAtMsOf } from './key-end.js';

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

describe('the key of a subscription', () => {
  const subscribed = (endsAtMs: number | null, expiresAtMs: number | null = null): ActiveSnapshot => ({
    ...ACTIVE,
    state: 'subscribed',
    expiresAtMs,
    subscription: {
      subscriptionId: 's',
      anchorMs: 0,
      quotas: [{ fromMs: 0, quotaNanoUsd: '1' }],
      endsAtMs,
      payg: null,
    },
  });

  it('ends with it, at the very moment, and never while it renews itself', () => {
    expect([999, 1_000, 1_001].map((nowMs) => endOf(subscribed(1_000), nowMs))).toEqual([
      null,
      'subscription_expired',
      'subscription_expired',
    ]);
    expect(endOf(subscribed(null), Number.MAX_SAFE_INTEGER)).toBeNull();
  });

  it('has the expiry of a key before that of its subscription, and its clock is that of whichever comes first', () => {
    expect(endOf(subscribed(1_000, 1_000), 1_000)).toBe('expired_api_key');
    expect(endOf(subscribed(1_000, 2_000), 1_000)).toBe('subscription_expired');
    const ends = [subscribed(null), subscribed(1_000), subscribed(null, 2_000), subscribed(1_000, 2_000)];
    expect(ends.map(endsAtMsOf)).toEqual([null, 1_000, 2_000, 1_000]);
  });
});
