import { NOBODY } from '@tollgate/auth';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, migrate, openDatabase, ServiceDatabase, startEmbeddedPostgres } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestsOf, type ApiKey } from '../keys/api-key/api-key.js';
import { newApiKey } from '../keys/api-key/new-api-key.js';
import type { KeyChange } from '../keys/api-key/key-change.js';
import { snapshotOf } from '../keys/api-key/snapshot-of.js';
import { SELECT_KEY } from './key-row.js';
import { KeyStore } from './key-store.js';
import { keyManagementSchema } from './migrations/index.js';
import { WRITE_SNAPSHOT } from './outbox-effects.js';

let database: Database;
let store: KeyStore;
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-keys-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const embedded = await startEmbeddedPostgres(join(folder, 'postgres'));
  ends.push(() => embedded.close());
  await migrate(embedded.url, keyManagementSchema);
  database = await openDatabase({ url: embedded.url, poolSize: 1, applicationName: 'test' });
  ends.push(() => database.close());
  store = new KeyStore(new ServiceDatabase(database.dataSource, 'keys'), database.lookUps);
}, 30_000);
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

const insert = (key: ApiKey, actor = NOBODY) =>
  new ServiceDatabase(database.dataSource, 'keys').inOrganization('default', (manager) =>
    store.insert(manager, { ...changeOf(key), actor }, ['pepper']),
  );
const at = new Date('2026-11-21T08:00:00.123Z');
const bare = (): ApiKey =>
  newApiKey(
    { id: randomUUID(), organizationId: 'default', name: 'a key', scopes: ['inference:write'], createdAt: at },
    { digests: [randomUUID().replaceAll('-', '').repeat(2)], maskedKey: 'sk-abc…wxyz' },
  );
const full: Partial<ApiKey> = {
  name: 'ein "Schlüssel" {1,2} \\ \u2028 \u{1f511}',
  description: "it's, NULL",
  scopes: ['inference:read', 'analytics:read'],
  expiresAt: new Date('2031-01-01T00:00:00.001Z'),
  creditLimitNanoUsd: 9_000_000_000_000_000n,
  rateLimits: { requestsPerMinute: 1, tokensPerMinute: 2_147_483_647, parallelRequests: 3 },
  models: ['gpt-*', 'a,b', '"', '{}', 'NULL'],
  allowedIps: ['10.0.0.0/8', '2001:db8::/32'],
  creditReset: 'weekly',
  creditGeneration: 7,
  browserUse: 'refused',
  rotateEveryDays: 90,
  disabledAt: at,
  revocation: { reason: 'leaked', at },
};
const changeOf = (key: ApiKey): KeyChange => ({
  change: 'revoked',
  key,
  actor: NOBODY,
  details: {},
  at,
});

describe('a change of a key', () => {
  it.each<[string, Partial<ApiKey>, Partial<ApiKey>]>([
    ['from nothing to all', {}, full],
    ['from all to nothing', { ...full, revocation: null }, {}],
    ...Object.entries(full).map(([field, value]): [string, Partial<ApiKey>, Partial<ApiKey>] => [
      `of ${field} alone`,
      {},
      { [field]: value },
    ]),
  ])('is in the database as it is in the snapshot: %s', async (_what, before, after) => {
    const made = { ...bare(), ...before };
    const other = bare();
    await insert(made);
    await insert(other);
    expect(await store.find('default', made.id)).toEqual(made);

    const { id, secrets, maskedKey, organizationId, createdAt } = made;
    const changed: ApiKey = { ...bare(), ...after, id, secrets, maskedKey, organizationId, createdAt, version: 2 };
    const { keys, written } = await store.change('default', [made.id, other.id], (key) =>
      key.id === made.id ? changeOf(changed) : null,
    );
    expect(keys).toEqual(expect.arrayContaining([changed, other]));
    expect(await store.find('default', made.id)).toEqual(changed);
    expect(await store.find('default', other.id)).toEqual(other);

    const [entry]: { payload: string }[] = await database.dataSource.query(
      'SELECT payload FROM keys.outbox WHERE effect = $1 AND id = $2',
      [WRITE_SNAPSHOT, written[0]],
    );
    expect(JSON.parse(entry!.payload)).toEqual(JSON.parse(JSON.stringify(snapshotOf(changed))));
    expect(snapshotOf((await store.find('default', made.id))!)).toEqual(snapshotOf(changed));
  });
});

describe('the member of a key', () => {
  it('is who made it, or who is named, is told to gateways, and stays when the member is removed', async () => {
    const [personId, memberId] = [randomUUID(), randomUUID()];
    const { dataSource } = database;
    await dataSource.query("INSERT INTO keys.person (id, email, name) VALUES ($1, 'a@example.com', 'A')", [personId]);
    await dataSource.query(
      `INSERT INTO keys.member (id, organization_id, email, person_id, role) VALUES ($1, 'default', 'a@example.com', $2, 'owner')`,
      [memberId, personId],
    );
    const person = { personId, sessionId: 's', organizationId: 'default', role: 'owner', provenAtMs: 0 } as const;
    const actor = { ...NOBODY, principal: { kind: 'person', ...person } as const };
    const [own, named, nobodys] = [bare(), { ...bare(), memberId: randomUUID() }, bare()];
    const [entry] = await insert(own, actor);
    await insert(named, actor);
    await insert(nobodys);
    const [told]: { payload: string }[] = await dataSource.query('SELECT payload FROM keys.outbox WHERE id = $1', [
      entry,
    ]);
    expect(JSON.parse(told!.payload)).toMatchObject({ memberId });
    await dataSource.query('DELETE FROM keys.member WHERE id = $1', [memberId]);
    const found = await store.findAll('default', [own.id, named.id, nobodys.id]);
    expect(found.map((key) => key.memberId)).toEqual([memberId, named.memberId, null]);
    expect(snapshotOf(found[2]!)).not.toHaveProperty('memberId');
  });
});

describe('another organisation', () => {
  beforeAll(async () => {
    await database.dataSource.query("INSERT INTO keys.organization (id, name) VALUES ('other', 'Another')");
  });

  it('finds and changes none of a key, whatever it knows of it', async () => {
    const key = bare();
    await insert(key);
    expect(await store.find('other', key.id)).toBeNull();
    const decided: ApiKey[] = [];
    const { keys, written } = await store.change('other', [key.id], (before) => {
      decided.push(before);
      return changeOf({ ...before, version: 2, name: 'taken' });
    });
    expect([keys, written, decided]).toEqual([[], [], []]);
    expect(await store.find('default', key.id)).toEqual(key);
  });
});

describe('the function that finds keys by digests', () => {
  // A release that adds a column to SELECT_KEY makes the function again, in a migration of its own.
  it('gives the columns that the other statements give', async () => {
    const key = bare();
    await insert(key);
    const byId = await database.dataSource.query(`${SELECT_KEY} WHERE k.id = $1`, [key.id]);
    const byDigest = await database.dataSource.query('SELECT * FROM keys.keys_by_digests($1)', [digestsOf(key)]);
    expect(byDigest).toMatchObject(byId);
    // What gateways need of the organisation is in no list: a page of keys would repeat it in each row.
    const further = Object.keys(byDigest[0]).filter((column) => !(column in byId[0]));
    expect(further.filter((column) => !column.startsWith('organization_'))).toEqual([]);
  });
});
