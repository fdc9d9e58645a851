import { describe, expect, it } from 'vitest';
import { proofOf } from './prove-again.js';

const now = new Date('2026-11-20T10:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
const session = { method: 'oidc', oidcIssuer: 'https://idp.example', oidcSubject: 's' } as const;
const claims = { issuer: 'https://idp.example', subject: 's', authenticatedAt: ago(5) };

describe('a step-up at a provider', () => {
  it('counts from when the provider says that the person signed in', () => {
    expect(proofOf(session, claims, now)).toEqual(ago(5));
    expect(proofOf(session, { ...claims, authenticatedAt: ago(599) }, now)).toEqual(ago(599));
  });
  it('never counts longer because the clock of the provider is ahead', () => {
    expect(proofOf(session, { ...claims, authenticatedAt: ago(-20) }, now)).toEqual(now);
  });
  it.each<[string, Partial<typeof session | { method: 'password' }>, Partial<typeof claims> | object]>([
    ['another subject', {}, { subject: 'other' }],
    ['another issuer', {}, { issuer: 'https://other.example' }],
    ['a subject in other case', {}, { subject: 'S' }],
    ['a session by password', { method: 'password' as const }, {}],
  ])('is refused for %s', (_what, ofSession, ofClaims) => {
    expect(proofOf({ ...session, ...ofSession }, { ...claims, ...ofClaims }, now)).toBe('other_person');
  });
  it.each<[string, Date | null]>([
    ['does not say when', null],
    ['says 10 minutes ago', ago(600)],
    ['says a year ago', ago(31_536_000)],
    ['says in a minute', ago(-60)],
  ])('is refused where the provider %s', (_what, authenticatedAt) => {
    expect(proofOf(session, { ...claims, authenticatedAt }, now)).toBe('not_again');
  });
});
