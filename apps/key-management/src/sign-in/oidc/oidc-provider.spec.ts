import { describe, expect, it } from 'vitest';
import { changedProvider, type OidcProvider, type ProviderSettings } from './oidc-provider.js';

const [before, now] = [new Date('2026-11-01T00:00:00Z'), new Date('2026-11-02T00:00:00Z')];
const wanted: ProviderSettings = { issuer: 'https://idp.example', clientId: 'c', clientSecret: null, required: false };
const current: OidcProvider = {
  organizationId: 'default',
  issuer: 'https://idp.example',
  clientId: 'c',
  clientSecret: 'sealed',
  required: false,
  provenAt: before,
  version: 3,
  createdAt: before,
  updatedAt: before,
};
const change = (from: OidcProvider | null, to: Partial<ProviderSettings>) =>
  changedProvider('default', from, { ...wanted, ...to }, now);

describe('a change of the identity provider', () => {
  it('keeps the secret where it goes to the same client of the same issuer, and nowhere else', () => {
    expect(change(current, {})).toMatchObject({ kind: 'changed', provider: { clientSecret: 'sealed', version: 4 } });
    for (const [from, to] of [
      [null, {}],
      [current, { issuer: 'https://evil.example' }],
      [current, { clientId: 'other' }],
    ] as const)
      expect(change(from, to)).toEqual({ kind: 'secret_missing' });
  });
  it('is not demanded before an owner has signed in by it', () => {
    const secret = { clientSecret: 'new', required: true };
    expect(change(null, secret)).toEqual({ kind: 'unproven' });
    expect(change({ ...current, provenAt: null }, secret)).toEqual({ kind: 'unproven' });
    expect(change(current, secret)).toMatchObject({ kind: 'changed', provider: { required: true, provenAt: before } });
  });
  it('needs that sign-in again for another issuer or client', () => {
    const required = { ...current, required: true };
    for (const to of [{ issuer: 'https://other.example' }, { clientId: 'other' }]) {
      expect(change(required, { ...to, clientSecret: 'new', required: true })).toEqual({ kind: 'unproven' });
      expect(change(required, { ...to, clientSecret: 'new' })).toMatchObject({
        provider: { required: false, provenAt: null },
      });
    }
  });
});
