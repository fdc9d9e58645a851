import { keySnapshot, type SubscriptionTerms } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { newApiKey } from '../api-key/new-api-key.js';
import { snapshotOf } from '../api-key/snapshot-of.js';
import { settingsOfTerms, subscribedKey } from './subscribed-key.js';

const TERMS: SubscriptionTerms = {
  subscriptionId: 's',
  version: 2,
  anchorMs: 1_000,
  quotas: [{ fromMs: 1_000, quotaNanoUsd: '5' }],
  endsAtMs: null,
  payg: null,
  markupMillionths: null,
  models: ['gpt-4o*'],
  rateLimits: { requestsPerMinute: 7, tokensPerMinute: null, parallelRequests: null },
};
const key = newApiKey(
  {
    id: 'k',
    organizationId: 'o',
    name: 'pro',
    kind: 'subscription',
    scopes: ['inference:write'],
    createdAt: new Date(0),
    ...settingsOfTerms(TERMS),
  },
  { digests: [], maskedKey: 'sk-sub…1234' },
);

describe('the key of a subscription', () => {
  it('has what its plan decides, in a state that the release before refuses', () => {
    expect(snapshotOf(key)).toMatchObject({
      state: 'subscribed',
      models: ['gpt-4o*'],
      rateLimits: { requestsPerMinute: 7 },
      accounts: [{ accountId: 'key:k', capNanoUsd: null }],
      subscription: { subscriptionId: 's', anchorMs: 1_000, quotas: TERMS.quotas, endsAtMs: null, payg: null },
    });
    expect(Object.keys((snapshotOf(key) as { subscription: object }).subscription)).not.toContain('version');
    expect(settingsOfTerms({ ...TERMS, markupMillionths: 0 }).subscription).toMatchObject({ markupMillionths: 0 });
  });

  it('has what the plan of the next cycle decides about money, and nothing of it from a release that tells none', () => {
    const cycleTerms = [
      { fromMs: 1_000, payg: null, markupMillionths: null },
      { fromMs: 2_000, payg: { capNanoUsd: '7' }, markupMillionths: 50_000 },
    ];
    const changed = snapshotOf(subscribedKey(key, { ...TERMS, version: 3, cycleTerms })!);
    expect(changed).toMatchObject({ subscription: { cycleTerms } });
    expect(keySnapshot.parse(JSON.parse(JSON.stringify(changed)))).toEqual(changed);
    expect(snapshotOf(key)).not.toHaveProperty('subscription.cycleTerms');
  });

  it('changes by later terms alone, in a new version', () => {
    const ended = { ...TERMS, version: 3, endsAtMs: 9_000, models: null };
    expect(subscribedKey(key, ended)).toMatchObject({ version: 2, models: null, subscription: { endsAtMs: 9_000 } });
    for (const version of [1, 2]) expect(subscribedKey(key, { ...ended, version })).toBeNull();
  });

  it('stays as it is once it is revoked, and no other key becomes one', () => {
    const later = { ...TERMS, version: 3 };
    const revocation = { reason: 'leaked', at: new Date(1) } as const;
    expect(subscribedKey({ ...key, revocation }, later)).toBeNull();
    expect(subscribedKey({ ...key, kind: 'router', subscription: null }, later)).toBeNull();
    expect(subscribedKey({ ...key, subscription: null }, later), 'of the release before').not.toBeNull();
  });
});
