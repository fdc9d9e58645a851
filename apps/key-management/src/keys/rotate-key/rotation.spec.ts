import { describe, expect, it } from 'vitest';
import { digestsOf, isUsable, presentSecret, type ApiKey } from '../api-key/api-key.js';
import { newApiKey } from '../api-key/new-api-key.js';
import { secretTombstoneOf, snapshotOf } from '../api-key/snapshot-of.js';
import { endOfSecret, rotated, withSecretLeaked, withSecretsEnded, type RotationTerms } from './rotation.js';

const ID = '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab';
const at = (seconds: number): Date => new Date(Date.UTC(2026, 10, 29, 12) + seconds * 1_000);
const digest = (n: number): string => n.toString(16).padStart(64, '0');
const DAY: RotationTerms = { gracePeriodSeconds: 86_400, endWhenIdleSeconds: null };

const key = newApiKey(
  {
    id: ID,
    organizationId: 'default',
    name: 'k',
    scopes: ['inference:write'],
    creditLimitNanoUsd: 5n,
    creditReset: 'monthly',
    creditGeneration: 3,
    rateLimits: { requestsPerMinute: 7, tokensPerMinute: 8, parallelRequests: 9 },
    models: ['m'],
    allowedIps: ['10.0.0.0/8'],
    groupIds: ['g'],
    createdAt: at(0),
  },
  { digests: [digest(1)], maskedKey: 'sk-aaa…1111', form: 'sha256' },
);

function rotate(from: ApiKey, n: number, terms: RotationTerms, now: Date): ApiKey {
  const result = rotated(from, `secret ${n}`, { digests: [digest(n)], maskedKey: `sk-aaa…${n}` }, terms, now);
  if (result.kind !== 'rotated') throw new Error(`it is ${result.kind}`);
  return result.key;
}

describe('a rotation', () => {
  it('gives a new native secret in the next version and changes nothing else of the key', () => {
    const after = rotate(key, 2, DAY, at(60));
    const { secrets, maskedKey, version, ...rest } = after;
    const { secrets: _secrets, maskedKey: _maskedKey, version: _version, ...before } = key;
    expect(rest).toEqual(before);
    expect([version, maskedKey]).toEqual([2, 'sk-aaa…2']);
    expect(secrets.map(({ id, form, end }) => [id, form, end])).toEqual([
      [ID, 'sha256', null],
      ['secret 2', 'native', null],
    ]);
    expect(secrets.map(({ endsAt }) => endsAt)).toEqual([at(60 + 86_400), null]);
    expect(presentSecret(after).digests).toEqual([digest(2)]);
  });

  it.each<[string, RotationTerms, number, boolean]>([
    ['a second before its end', DAY, 86_399, true],
    ['at its end', DAY, 86_400, false],
    ['at once, without a grace period', { ...DAY, gracePeriodSeconds: 0 }, 0, false],
    ['after a week', { ...DAY, gracePeriodSeconds: 604_800 }, 604_799, true],
  ])('lets the secret before be used no longer than its grace period: %s', (_what, terms, seconds, usable) => {
    const [before] = rotate(key, 2, terms, at(0)).secrets;
    expect(isUsable(before!, at(seconds))).toBe(usable);
  });

  it('without a grace period ends the secret before for good', () => {
    const after = rotate(key, 2, { ...DAY, gracePeriodSeconds: 0 }, at(5));
    expect(after.secrets[0]!.end).toEqual({ reason: 'grace', at: at(5) });
    expect(digestsOf(after)).toEqual([digest(2)]);
    expect(snapshotOf(after)).toMatchObject({ digests: [digest(2)], secrets: [{ id: 'secret 2' }] });
    expect(secretTombstoneOf(after, after.secrets[0]!)).toMatchObject({
      state: 'revoked',
      reason: 'revoked',
      secretId: ID,
      version: 2,
      digests: [digest(1)],
    });
  });

  it('prolongs no secret beyond the expiry of its key', () => {
    const [before, present] = rotate({ ...key, expiresAt: at(100) }, 2, DAY, at(0)).secrets;
    const expiring = { expiresAt: at(100) };
    expect([endOfSecret(expiring, before!), endOfSecret(expiring, present!)]).toEqual([at(100), at(100)]);
    expect(endOfSecret({ expiresAt: null }, before!)).toEqual(at(86_400));
    expect(endOfSecret({ expiresAt: null }, present!)).toBeNull();
    expect(endOfSecret({ expiresAt: at(999_999) }, before!)).toEqual(at(86_400));
  });

  it.each<[string, ApiKey, string]>([
    ['revoked', { ...key, revocation: { reason: 'revoked', at: at(0) } }, 'revoked'],
    ['leaked', { ...key, revocation: { reason: 'leaked', at: at(0) } }, 'revoked'],
    ['expired at this moment', { ...key, expiresAt: at(10) }, 'expired'],
    ['in a rotation already', rotate(key, 2, DAY, at(0)), 'open'],
    ['disabled, and in a rotation', { ...rotate(key, 2, DAY, at(0)), disabledAt: at(1) }, 'open'],
  ])('is refused for a key that is %s', (_what, dead, why) => {
    expect(rotated(dead, 's', { digests: [digest(9)], maskedKey: 'm' }, DAY, at(10))).toEqual({ kind: why });
  });

  it('leaves a disabled key disabled, with both its secrets', () => {
    const after = rotate({ ...key, disabledAt: at(1) }, 2, DAY, at(2));
    expect(snapshotOf(after)).toMatchObject({ state: 'revoked', reason: 'disabled', digests: [digest(1), digest(2)] });
  });

  it('may follow another whose grace period is over, also if nobody has noted its end', () => {
    const after = rotate(rotate(key, 2, { ...DAY, gracePeriodSeconds: 60 }, at(0)), 3, DAY, at(60));
    expect(after.secrets.map(({ end }) => end)).toEqual([{ reason: 'grace', at: at(60) }, null, null]);
    expect(after.version).toBe(3);
  });

  it('makes the newest secret the present one whatever the clocks of two machines say', () => {
    const after = rotate({ ...key, secrets: [{ ...key.secrets[0]!, createdAt: at(500) }] }, 2, DAY, at(0));
    expect(after.secrets[1]!.createdAt.getTime()).toBeGreaterThan(at(500).getTime());
  });
});

describe('the end of a rotation', () => {
  const open = rotate(key, 2, DAY, at(0));
  it('ends the secrets before, never the present one, and the second time nothing', () => {
    const after = withSecretsEnded(open, 'finished', () => true, at(7))!;
    expect(after.secrets.map(({ end }) => end)).toEqual([{ reason: 'finished', at: at(7) }, null]);
    expect(after.version).toBe(3);
    expect(withSecretsEnded(after, 'finished', () => true, at(8))).toBeNull();
    expect(withSecretsEnded(key, 'finished', () => true, at(8))).toBeNull();
  });
  it('after the grace period names that as the reason, and its moment', () => {
    const after = withSecretsEnded(open, 'idle', () => true, at(90_000))!;
    expect(after.secrets[0]!.end).toEqual({ reason: 'grace', at: at(86_400) });
  });
});

describe('a leak of one secret', () => {
  const open = rotate(key, 2, DAY, at(0));
  it('ends a former secret at once, and leaves the key', () => {
    const after = withSecretLeaked(open, ID, at(5))!;
    expect(after).toMatchObject({ version: 3, revocation: null });
    expect(after.secrets[0]!.end).toEqual({ reason: 'leaked', at: at(5) });
    expect(secretTombstoneOf(after, after.secrets[0]!)).toMatchObject({ reason: 'leaked', digests: [digest(1)] });
    expect(withSecretLeaked(after, ID, at(6))).toBeNull();
  });
  it.each([
    ['by hand', withSecretsEnded(open, 'finished', () => true, at(3))!, at(3)],
    ['with its grace period, which nobody has noted', open, at(86_400)],
  ])('keeps the moment at which it ended before: %s', (_what, before, endedAt) => {
    expect(withSecretLeaked(before, ID, at(90_000))!.secrets[0]!.end).toEqual({ reason: 'leaked', at: endedAt });
  });
  it('is not one of the present secret, nor of one that the key does not have', () => {
    expect(withSecretLeaked(open, 'secret 2', at(5))).toBeNull();
    expect(withSecretLeaked(open, 'another', at(5))).toBeNull();
  });
});
