import type { ActiveSnapshot, Tombstone } from '@tollgate/api-key';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readChange, readSnapshot } from './read-snapshot.js';

const digests = ['ab'.repeat(32), 'cd'.repeat(32)];
const active: ActiveSnapshot = {
  apiKeyId: 'k',
  organizationId: 'default',
  version: 1,
  digests,
  state: 'active',
  name: 'k',
  scopes: ['inference:write'],
  expiresAtMs: null,
  models: null,
  allowedIps: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  accounts: [{ accountId: 'key:k', capNanoUsd: null }],
};
const dead: Tombstone = {
  apiKeyId: 'k',
  organizationId: 'default',
  version: 2,
  digests,
  state: 'revoked',
  reason: 'revoked',
};

/** JSON values of any kind, undefined for a field that is not there. */
const anything = fc.option(fc.jsonValue(), { nil: undefined });

describe('a change of a key', () => {
  it('is its snapshot, with or without fields of a later release', () => {
    for (const snapshot of [active, dead])
      expect(readChange(JSON.stringify({ ...snapshot, addedLater: { x: 1 } }))).toEqual({ kind: 'snapshot', snapshot });
  });

  it('names the digests to forget, whatever else is in it', () => {
    const field = fc
      .constantFrom(...Object.keys(active), ...Object.keys(dead), 'addedLater')
      .filter((name) => name !== 'digests');
    fc.assert(
      fc.property(
        fc.constantFrom(active, dead),
        fc.array(fc.tuple(field, anything), { maxLength: 6 }),
        (snapshot, others) => {
          const change = readChange(JSON.stringify({ ...snapshot, ...Object.fromEntries(others) }));
          const named =
            change.kind === 'snapshot' ? change.snapshot.digests : change.kind === 'unknown' ? change.digests : null;
          expect(named).toEqual(digests);
        },
      ),
    );
  });

  it.each<[string, unknown]>([
    ['none at all', undefined],
    ['an empty list', []],
    ['no list', digests[0]],
    ['an object', { 0: digests[0] }],
    ['one that is no text', [digests[0], 7]],
    ['one of another form', [digests[0], 'v2:abc']],
    ['one in capitals', [digests[0], 'AB'.repeat(32)]],
    ['lists', [digests]],
  ])('is unreadable where its digests cannot all be read: %s', (_what, unreadable) => {
    for (const snapshot of [active, dead])
      expect(readChange(JSON.stringify({ ...snapshot, digests: unreadable }))).toEqual({ kind: 'unreadable' });
  });

  it('is unreadable where it is no JSON, or no object', () => {
    for (const json of ['{', 'nonsense', 'null', '7', '"text"', '[]', JSON.stringify([active])])
      expect(readChange(json)).toEqual({ kind: 'unreadable' });
  });
});

describe('a stored snapshot', () => {
  it('of a kind that is not known cannot be read, so that nobody is let in or called invalid by it', () => {
    for (const fields of [{ state: 'paused' }, { state: undefined }, { accounts: [] }, { expiresAtMs: 'never' }])
      expect(readSnapshot(JSON.stringify({ ...active, ...fields }))).toBeNull();
    expect(readSnapshot('{"state":')).toBeNull();
  });
  it('of a dead key is a tombstone whatever its reason', () => {
    expect(readSnapshot(JSON.stringify({ ...dead, reason: 'suspended' }))).toEqual(dead);
  });
});
