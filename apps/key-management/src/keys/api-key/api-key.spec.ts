import { NOBODY } from '@tollgate/auth';
import { keySnapshot, keysChangedV1 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { revoked, stateOf, typeOf, type ApiKey } from './api-key.js';
import { newApiKey } from './new-api-key.js';
import { keysChangedEvent } from './key-change.js';
import { keyObject } from './key-object.js';
import { snapshotOf } from './snapshot-of.js';

const now = new Date('2026-11-20T12:00:00.000Z');
const later = new Date('2026-11-20T13:00:00.000Z');
const digest = 'ab'.repeat(32);
const key = newApiKey(
  {
    id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
    organizationId: 'default',
    name: 'support bot',
    scopes: ['inference:write'],
    creditLimitNanoUsd: 1_500_000_000n,
    rateLimits: { requestsPerMinute: 60, tokensPerMinute: null, parallelRequests: null },
    models: ['gpt-4o-mini'],
    allowedIps: ['10.0.0.0/8'],
    createdAt: now,
  },
  { digests: [digest], maskedKey: 'sk-abc…wxyz' },
);

describe('the state of a key', () => {
  it('is expired from the very moment named on', () => {
    expect(stateOf({ ...key, expiresAt: later }, now)).toBe('active');
    expect(stateOf({ ...key, expiresAt: later }, later)).toBe('expired');
  });
  it('is disabled until it is enabled again, or ends otherwise', () => {
    const disabled = { ...key, disabledAt: now, expiresAt: later };
    expect(stateOf(disabled, now)).toBe('disabled');
    expect(stateOf(disabled, later)).toBe('expired');
    expect(stateOf({ ...disabled, revocation: { reason: 'revoked', at: now } }, now)).toBe('revoked');
    expect(snapshotOf(disabled)).toMatchObject({ state: 'revoked', reason: 'disabled' });
  });
  it('is revoked whatever its expiry', () => {
    expect(stateOf({ ...key, expiresAt: now, revocation: { reason: 'leaked', at: now } }, later)).toBe('revoked');
  });
});

describe('the type of a key', () => {
  it.each<[ApiKey['kind'], ApiKey['scopes'], string]>([
    ['router', ['inference:write'], 'router'],
    ['router', ['inference:read', 'analytics:read'], 'router'],
    ['router', ['analytics:read'], 'admin'],
    ['router', ['admin'], 'admin'],
    ['router', ['admin', 'inference:write'], 'admin'],
    ['project', [], 'project'],
    ['subscription', ['inference:write'], 'subscription'],
  ])('%s with %j is %s', (kind, scopes, type) => expect(typeOf({ kind, scopes })).toBe(type));
});

describe('a snapshot with rules that the release before does not know', () => {
  const grace = { ...key.secrets[0]!, endsAt: later };
  it.each<[string, Partial<ApiKey>]>([
    ['a cycle', { creditReset: 'daily' }],
    ['an account to load', { creditGeneration: 2 }],
    ['another kind', { kind: 'project' }],
    ['no browsers', { browserUse: 'refused' }],
    ['a secret that ends', { secrets: [grace, key.secrets[0]!] }],
  ])('is extended: %s', (_what, fields) => {
    const snapshot = snapshotOf({ ...key, ...fields });
    expect(snapshot.state).toBe('extended');
    expect(keySnapshot.parse(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot);
  });
});

describe('revoking', () => {
  it('ends a key with a reason, in a new version', () => {
    expect(revoked(key, 'leaked', now)).toEqual({ ...key, version: 2, revocation: { reason: 'leaked', at: now } });
  });
  it('changes nothing the second time', () => {
    const once = revoked(key, 'leaked', now)!;
    expect(revoked(once, 'revoked', later)).toBeNull();
    expect(revoked(revoked(key, 'deleted', now)!, 'deleted', later)).toBeNull();
  });
  it('as leaked is told of a key that had ended for another reason, once, and moves the moment of its end nowhere', () => {
    for (const reason of ['revoked', 'deleted'] as const) {
      const before = revoked(key, reason, now)!;
      const after = revoked(before, 'leaked', later)!;
      expect(after).toEqual({ ...before, version: 3, revocation: { reason: 'leaked', at: now } });
      expect(revoked(after, 'leaked', later)).toBeNull();
      expect(revoked(after, 'revoked', later)).toBeNull();
    }
  });
  it('and deleting afterwards hides the key, and keeps the reason of its end', () => {
    expect(revoked(revoked(key, 'leaked', now)!, 'deleted', later)).toMatchObject({
      version: 3,
      revocation: { reason: 'leaked', at: now },
      deletedAt: later,
    });
  });
});

describe('the snapshot of a key', () => {
  it('carries what a gateway decides by, and the key account first', () => {
    const snapshot = snapshotOf({ ...key, expiresAt: later });
    expect(snapshot).toEqual({
      form: 2,
      state: 'active',
      apiKeyId: key.id,
      organizationId: 'default',
      version: 1,
      digests: [digest],
      name: 'support bot',
      scopes: ['inference:write'],
      expiresAtMs: later.getTime(),
      models: ['gpt-4o-mini'],
      allowedIps: ['10.0.0.0/8'],
      rateLimits: { requestsPerMinute: 60, tokensPerMinute: null, parallelRequests: null },
      accounts: [{ accountId: `key:${key.id}`, capNanoUsd: '1500000000' }],
      creditReset: 'never',
      creditGeneration: 0,
      kind: 'router',
      publicKey: null,
      projectId: null,
      browserUse: 'allowed',
      groups: [],
      secrets: [{ id: key.id, digests: [digest], form: 'native', endsAtMs: null }],
    });
    expect(keySnapshot.parse(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot);
  });
  it('has an account without a cap for an unlimited key, and a cap of 0 for a key that may spend nothing', () => {
    expect(snapshotOf({ ...key, creditLimitNanoUsd: null })).toMatchObject({ accounts: [{ capNanoUsd: null }] });
    expect(snapshotOf({ ...key, creditLimitNanoUsd: 0n })).toMatchObject({ accounts: [{ capNanoUsd: '0' }] });
  });
  it('has the organisation as a second account where that one is capped', () => {
    const organization = { accountId: 'organization:default', capNanoUsd: '7000000000' };
    const snapshot = snapshotOf({ ...key, organizationCreditLimitNanoUsd: 7_000_000_000n });
    expect(snapshot).toMatchObject({
      accounts: [{ accountId: `key:${key.id}`, capNanoUsd: '1500000000' }, organization],
    });
    expect(keySnapshot.parse(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot);
    expect(
      snapshotOf({ ...key, creditLimitNanoUsd: null, organizationCreditLimitNanoUsd: 7_000_000_000n }),
    ).toMatchObject({ accounts: [{ capNanoUsd: null }, organization] });
  });
  it('is a tombstone once the key is revoked', () => {
    const tombstone = snapshotOf(revoked(key, 'leaked', now)!);
    expect(tombstone).toEqual({
      form: 2,
      state: 'revoked',
      reason: 'leaked',
      apiKeyId: key.id,
      organizationId: 'default',
      version: 2,
      digests: [digest],
    });
    expect(keySnapshot.parse(tombstone)).toEqual(tombstone);
  });
});

describe('a key as it is shown', () => {
  it('has its amounts as decimal USD, and no digest', () => {
    const shown = keyObject(key, { chargedNanoUsd: '123000', lastUsedAt: '2026-11-20T11:59:00.000Z' }, now, null);
    expect(shown).toMatchObject({
      state: 'active',
      credit_limit_usd: '1.5',
      credit_used_usd: '0.000123',
      last_used_at: '2026-11-20T11:59:00.000Z',
      credit_reset: 'never',
      groups: [],
      type: 'router',
    });
    expect(JSON.stringify(shown)).not.toContain(digest);
  });
  it('does not pass an unknown sum off as 0', () => {
    expect(keyObject(key, null, now, null)).toMatchObject({ credit_used_usd: null, last_used_at: null });
  });
});

describe('the event of a change', () => {
  it('is as its contract has it', () => {
    const event = keysChangedEvent({
      change: 'leaked',
      key: revoked(key, 'leaked', now)!,
      actor: NOBODY,
      details: {},
      at: now,
    });
    expect(keysChangedV1.parse(event)).toEqual(event);
    expect(event).toMatchObject({ version: 2, state: 'revoked', change: 'leaked', changedAt: now.toISOString() });
  });
});
