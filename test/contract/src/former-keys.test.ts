import { infraFromEnvironment } from '@tollgate/infra';
import { digestsOf, keyManagementSchema, KeyStore } from '@tollgate/key-management';
import { migrate, openDatabase, ServiceDatabase, type Database } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeOf, newDigest, newKey, type ApiKey } from './key-fixture.js';

/** What the second release of 2026-11-29 asks and writes, as it was. It runs until the last process is replaced. */
const FORMER = {
  byDigests: 'SELECT * FROM keys.api_keys_by_digests($1)',
  rename: `UPDATE keys.api_key k SET version = c.version, name = c.name, revoked_at = c.revoked_at, revoke_reason = c.revoke_reason
     FROM jsonb_to_recordset($1::jsonb) AS c (id uuid, version integer, name text, revoked_at timestamptz, revoke_reason text)
     WHERE k.id = c.id`,
  addDigest: `UPDATE keys.api_key SET version = version + 1 WHERE id = ANY($1::uuid[]) AND organization_id = $2`,
} as const;

interface FormerRow {
  revoked_at: Date | null;
  revoke_reason: string | null;
  credit_limit_nano_usd: string | null;
  digests: string[];
}

let database: Database;
let service: ServiceDatabase;
let store: KeyStore;
beforeAll(async () => {
  const url = await infraFromEnvironment().createDatabase();
  await migrate(url, keyManagementSchema);
  database = await openDatabase({ url, poolSize: 2, applicationName: 'contract' });
  service = new ServiceDatabase(database.dataSource, 'keys');
  store = new KeyStore(service, database.lookUps);
});
afterAll(() => database?.close());

async function insert(fields: Partial<ApiKey>): Promise<ApiKey> {
  const key = newKey(fields);
  await service.inOrganization('default', (manager) => store.insert(manager, changeOf(key), ['pepper']));
  return key;
}
const run = (statement: string, parameters: unknown[]) =>
  service.inOrganization('default', (manager) => manager.query<object[]>(statement, parameters));
const asFormerReads = async (key: ApiKey): Promise<FormerRow | undefined> =>
  (await database.dataSource.query<FormerRow[]>(FORMER.byDigests, [digestsOf(key)]))[0];
const written = (key: ApiKey, more: object = {}): [string] => [
  JSON.stringify([
    { id: key.id, version: key.version + 1, name: 'another', revoked_at: null, revoke_reason: null, ...more },
  ]),
];

/** Keys that gateways of the release before would serve by rules that are not theirs. */
const UNKNOWN: [string, Partial<ApiKey>][] = [
  ['is disabled', { disabledAt: new Date() }],
  ['refuses browsers', { browserUse: 'refused' }],
  ['has a limit with cycles', { creditLimitNanoUsd: 5n, creditReset: 'daily' }],
  ['has a limit whose account must be loaded', { creditLimitNanoUsd: 5n, creditGeneration: 1 }],
];

describe('a key-management of the release before, about a key of this one', () => {
  it.each(UNKNOWN)('that %s: may end it, and change nothing else', async (_what, fields) => {
    const key = await insert(fields);
    await expect(run(FORMER.rename, written(key))).rejects.toThrow(/only a process of that release can change it/);
    await expect(run(FORMER.addDigest, [[key.id], 'default'])).rejects.toThrow(/only a process of that release/);
    expect(await store.find('default', key.id)).toEqual(key);
    await run(FORMER.rename, written(key, { revoked_at: new Date().toISOString(), revoke_reason: 'leaked' }));
    expect(await store.find('default', key.id)).toMatchObject({ version: 2, revocation: { reason: 'leaked' } });
  });

  it.each(UNKNOWN)('that %s: tells a gateway nothing by which it could spend', async (_what, fields) => {
    const row = await asFormerReads(await insert(fields));
    const cannotSpend = row!.revoked_at !== null || row!.credit_limit_nano_usd === '0';
    expect([row!.revoke_reason === null, cannotSpend]).toEqual([row!.revoked_at === null, true]);
  });

  it('does not know a secret that ends, and knows the present one', async () => {
    const key = await insert({});
    const old = newDigest();
    await run(
      `INSERT INTO keys.api_key_secret (digest, organization_id, api_key_id, pepper_id, masked, created_at, secret_id, ends_at)
       VALUES (decode($1, 'hex'), 'default', $2, 'pepper', 'sk-old…', now() - interval '1 day', gen_random_uuid(), now() + interval '1 hour')`,
      [old, key.id],
    );
    expect(await database.dataSource.query(FORMER.byDigests, [[old]])).toEqual([]);
    expect((await asFormerReads(key))!.digests).toEqual(digestsOf(key));
  });

  it('that has nothing it does not know reads it as it is', async () => {
    const key = await insert({ creditLimitNanoUsd: 5n });
    expect(await asFormerReads(key)).toMatchObject({
      revoked_at: null,
      credit_limit_nano_usd: '5',
      digests: digestsOf(key),
    });
  });
});
