import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  claimJournalReply,
  claimJournalRequest,
  keySnapshot,
  keysChangedV1,
  keysUsedV1,
  knownKeysReply,
  knownKeysRequest,
  leaksReportedV1,
  loadAccountReply,
  loadAccountRequest,
  openCreditEpochRequest,
  organizationSnapshot,
  registerGatewayRequest,
  revokeLeakedKeysReply,
  revokeLeakedKeysRequest,
  shippedJournalRequest,
  spendingByKeyReply,
  spendingByKeyRequest,
  usageRecordedV1,
  usageRecorded,
  USAGE_RECORDED_V2_FIELDS,
  usageRecordedV2,
  verifyKeyReply,
  verifyKeyRequest,
} from './index.js';

type Json = null | boolean | number | string | Json[] | { [field: string]: Json };
type Path = readonly (string | number)[];

const golden = (path: string): Json =>
  JSON.parse(readFileSync(new URL(`./${path}.json`, import.meta.url), 'utf8')) as Json;
const digest = 'ab'.repeat(32);
const active = golden('internal/golden/key-snapshot.active');
const revoked = golden('internal/golden/key-snapshot.revoked');
const organization = golden('internal/golden/organization-snapshot');
const outcome = {
  digest,
  outcome: 'revoked',
  key: {
    apiKeyId: 'k',
    organizationId: 'o',
    name: 'n',
    maskedKey: 'm',
    revokedAt: '2026-11-21T08:00:00.000Z',
    ownerEmails: ['a@b'],
  },
};
const spent = {
  apiKeyId: 'k',
  requests: 1,
  inputTokens: 2,
  outputTokens: 3,
  chargedNanoUsd: '4',
  lastUsedAt: '2026-11-21T08:00:00.000Z',
  lastUsedFrom: '::1',
};

/**
 * All formats that one release writes and another reads. `lenient` names fields that may have any value; `items` names
 * the list whose unreadable items are left out.
 */
const readers: readonly {
  what: string;
  schema: z.ZodType;
  sample: Json;
  /** Fields that the release before does not write. */
  added?: readonly string[];
  /** What a writer may leave out: names of fields, with those that they lie in. */
  leftOut?: readonly string[];
  lenient?: readonly string[];
  items?: string;
}[] = [
  { what: 'the snapshot of a living key', schema: keySnapshot, sample: active, added: ['form'] },
  { what: 'the snapshot of a dead key', schema: keySnapshot, sample: revoked, added: ['form'], lenient: ['reason'] },
  { what: 'the snapshot of an organisation', schema: organizationSnapshot, sample: organization },
  { what: 'the event of a changed key', schema: keysChangedV1, sample: golden('events/golden/keys-changed.v1') },
  { what: 'the event of a reported leak', schema: leaksReportedV1, sample: golden('events/golden/leaks-reported.v1') },
  { what: 'the event of used keys', schema: keysUsedV1, sample: golden('events/golden/keys-used.v1') },
  { what: 'the event of recorded usage', schema: usageRecordedV1, sample: golden('events/golden/usage-recorded.v1') },
  {
    what: 'the second version of it',
    schema: usageRecordedV2,
    sample: golden('events/golden/usage-recorded.v2'),
    leftOut: [
      ...Object.entries(USAGE_RECORDED_V2_FIELDS).flatMap(([name, field]) => ('usual' in field ? [name] : [])),
      ...['accounts.kind', 'accounts.cycle', 'priceLines.model', 'priceLines.tool'],
    ],
  },
  { what: 'a request to verify a key', schema: verifyKeyRequest, sample: { digest } },
  {
    what: 'the reply about a verified key',
    schema: verifyKeyReply,
    sample: { snapshot: active, organization },
    added: ['form', 'organization'],
  },
  {
    what: 'a request to tell which keys are known',
    schema: knownKeysRequest,
    sample: { organizationId: 'o', apiKeyIds: ['k'] },
    added: ['organizationId'],
  },
  { what: 'the reply about known keys', schema: knownKeysReply, sample: { apiKeyIds: ['k'] } },
  {
    what: 'a request to revoke leaked keys',
    schema: revokeLeakedKeysRequest,
    sample: { origin: 'github', digests: [digest] },
  },
  {
    what: 'the reply about revoked keys',
    schema: revokeLeakedKeysReply,
    sample: { items: [outcome, { digest, outcome: 'unknown', key: null }] },
    items: 'items',
  },
  {
    what: 'the registration of a gateway',
    schema: registerGatewayRequest,
    sample: { instanceId: 'i', journalId: 'j' },
  },
  { what: 'the claim of a journal', schema: claimJournalRequest, sample: { journalId: 'j' } },
  { what: 'the answer to the claim of a journal', schema: claimJournalReply, sample: { owner: 'gone' } },
  { what: 'the message that a journal is shipped', schema: shippedJournalRequest, sample: { journalId: 'j' } },
  { what: 'a request for a credit epoch', schema: openCreditEpochRequest, sample: { organizationId: 'o' } },
  {
    what: 'a request to load an account',
    schema: loadAccountRequest,
    sample: { organizationId: 'o', accountId: 'key:k', apiKeyId: 'k', reset: 'never', startMs: null, generation: 2 },
  },
  { what: 'the reply about a loaded account', schema: loadAccountReply, sample: { postedNanoUsd: '5' } },
  {
    what: 'a request for what keys have spent',
    schema: spendingByKeyRequest,
    sample: { organizationId: 'o', apiKeyIds: ['k'] },
    added: ['organizationId'],
  },
  {
    what: 'the reply about what keys have spent',
    schema: spendingByKeyReply,
    sample: { spending: [spent, { ...spent, apiKeyId: 'l', lastUsedAt: null, lastUsedFrom: null }] },
    items: 'spending',
  },
];

describe.each(readers)('$what', ({ schema, sample, added = [], leftOut = [], lenient = [], items }) => {
  /** The list that is read item by item is left out here: a test of its own damages its items. */
  const fields = placesOf(sample).filter(
    (path) =>
      path.length > 0 && typeof path.at(-1) === 'string' && path[0] !== items && !lenient.includes(String(path.at(-1))),
  );

  const mayBeAbsent = (path: readonly (string | number)[]): boolean =>
    added.includes(String(path.at(-1))) || leftOut.includes(path.filter((each) => typeof each === 'string').join('.'));

  it('is read as it is written', () => {
    expect(schema.parse(sample)).toEqual(sample);
  });

  it('is read the same with fields of a later release, at every level', () => {
    for (const path of placesOf(sample).filter((each) => isObject(at(sample, each)))) {
      for (const added of [1, null, 'text', ['list'], { of: 'objects' }]) {
        expect(
          schema.parse(changed(sample, path, (object) => ({ ...(object as object), addedLater: added }) as Json)),
          path.join('.'),
        ).toEqual(sample);
      }
    }
  });

  it('is not read without one of its fields', () => {
    for (const path of fields.filter((each) => !mayBeAbsent(each)))
      expect(schema.safeParse(changed(sample, path, () => undefined)).success, path.join('.')).toBe(false);
  });

  it('is read without what a writer may leave out, or the release before does not write', () => {
    for (const path of fields.filter((each) => mayBeAbsent(each)))
      expect(schema.safeParse(changed(sample, path, () => undefined)).success, path.join('.')).toBe(true);
  });

  it('is not read with a field of another type', () => {
    for (const path of fields)
      expect(schema.safeParse(changed(sample, path, () => ({ not: 'this' }))).success, path.join('.')).toBe(false);
  });

  it('is not read where it is no object', () => {
    for (const other of [null, 7, 'text', [], [sample]]) expect(schema.safeParse(other).success).toBe(false);
  });
});

describe.each(readers.filter(({ items }) => items !== undefined))('$what', ({ schema, sample, items }) => {
  it('is read without the items that cannot be, and they cost no other', () => {
    const list = at(sample, [items!]) as Json[];
    const unreadable: Json[] = [
      null,
      7,
      'text',
      [],
      {},
      ...placesOf(list[0]!)
        .filter((path) => path.length === 1)
        .map((path) => changed(list[0]!, path, () => ({ not: 'this' }))),
    ];
    const others = unreadable.filter(
      (item) => (schema.parse({ [items!]: [item] }) as Record<string, unknown[]>)[items!]!.length > 0,
    );
    expect(others).toEqual([]);
    const damaged = [...unreadable, list[0]!, ...unreadable, ...list.slice(1)];
    expect(schema.parse({ [items!]: damaged })).toEqual(sample);
  });
});

describe('a kind of a later release', () => {
  const activeWith = (fields: object): Json => ({ ...(active as object), ...fields });
  it('of state denies the key', () => {
    for (const state of ['paused', '', 1, null, 'Active'])
      expect(keySnapshot.safeParse(activeWith({ state })).success, String(state)).toBe(false);
  });
  it('of scope opens nothing, and leaves the others what they open', () => {
    expect(keySnapshot.parse(activeWith({ scopes: ['files:write', 'inference:write', 'ADMIN'] }))).toMatchObject({
      scopes: ['inference:write'],
    });
    expect(keySnapshot.parse(activeWith({ scopes: ['files:write'] }))).toMatchObject({ scopes: [] });
  });
  it('of reason leaves a dead key dead', () => {
    for (const reason of ['suspended', '', 7, null, undefined])
      expect(keySnapshot.parse({ ...(revoked as object), reason })).toMatchObject({
        state: 'revoked',
        reason: 'revoked',
      });
  });
  it('of outcome, source, change, or version makes an event that is not of this version', () => {
    const usage = golden('events/golden/usage-recorded.v1') as object;
    const change = golden('events/golden/keys-changed.v1') as object;
    for (const fields of [{ outcome: 'paused' }, { usageSource: 'guessed' }, { eventVersion: 2 }])
      expect(usageRecordedV1.safeParse({ ...usage, ...fields }).success).toBe(false);
    const later = golden('events/golden/usage-recorded.v2') as object;
    for (const fields of [{ outcome: 'paused' }, { usageSource: 'guessed' }, { eventVersion: 1 }, { eventVersion: 3 }])
      expect(usageRecordedV2.safeParse({ ...later, ...fields }).success).toBe(false);
    // What a class or a kind of pass is called may be a later release's word.
    for (const fields of [
      { priceLines: [{ class: 'a', model: null, tool: null, quantity: 1, nanoUsdPerMillion: '1', nanoUsd: '1' }] },
    ])
      expect(usageRecordedV2.safeParse({ ...later, ...fields }).success).toBe(true);
    for (const event of [usage, later]) expect(usageRecorded.parse(event)).toEqual(event);
    for (const fields of [{ change: 'rotated' }, { state: 'paused' }, { eventVersion: 2 }])
      expect(keysChangedV1.safeParse({ ...change, ...fields }).success).toBe(false);
  });
});

const isObject = (value: Json | undefined): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function at(value: Json, path: Path): Json | undefined {
  return path.reduce<Json | undefined>(
    (inner, part) => (inner as Record<string | number, Json> | undefined)?.[part],
    value,
  );
}

/** The paths of a value and of everything inside it. */
function placesOf(value: Json, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value) ? value.map((each, index) => [index, each] as const) : Object.entries(value);
  return [path, ...inner.flatMap(([part, each]) => placesOf(each, [...path, part]))];
}

/** A copy of the value with `change` applied at the path; the field is removed if `change` returns undefined. */
function changed(value: Json, path: Path, change: (before: Json) => Json | undefined): Json {
  const [part, ...rest] = path;
  if (part === undefined) return change(value) as Json;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string | number,
    Json | undefined
  >;
  copy[part] = changed(copy[part]!, rest, change);
  return copy as Json;
}
