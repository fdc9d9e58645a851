import { randomUUID } from 'node:crypto';
import { EndSecrets, KeyNotices, KeyStore, rotated } from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { createLogger } from '@tollgate/telemetry';
import { changeOf, newDigest, newKey } from './key-fixture.js';

/** An organisation with many keys, of which some expire soon, some are to be rotated, and some were rotated lately. */
const AGEING = randomUUID();

/** Rows from which the planner chooses by statistics. */
export const ROTATION_SEEDS = [
  `INSERT INTO keys.organization (id, name) VALUES ('${AGEING}', 'many keys')`,
  `INSERT INTO keys.api_key (id, organization_id, name, scopes, created_at, version, expires_at, rotate_every_days)
   SELECT gen_random_uuid(), '${AGEING}', 'a key', '{inference:write}', now() - interval '50 days', 1,
     CASE WHEN n % 100 = 0 THEN now() + n * interval '1 hour' END, CASE WHEN n % 150 = 1 THEN 30 END
   FROM generate_series(1, 2000) AS n`,
  `INSERT INTO keys.api_key_secret (digest, organization_id, api_key_id, pepper_id, masked, created_at, ends_at, end_when_idle_seconds)
   SELECT sha256(id::text::bytea), organization_id, id, 'pepper', 'sk-abc…wxyz', created_at,
     CASE WHEN rotate_every_days IS NOT NULL THEN now() + interval '7 days' END, NULL
   FROM keys.api_key WHERE organization_id = '${AGEING}'`,
  `INSERT INTO keys.api_key_secret_use (organization_id, api_key_id, secret_id, requests, charged_nano_usd, last_used_at, addresses)
   SELECT organization_id, id, id, 1, 0, now(), '[]' FROM keys.api_key WHERE organization_id = '${AGEING}'`,
];

/** Calls every method of rotated and of ageing keys that queries the database. */
export async function useRotation({ dataSource, lookUps }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'keys');
  const store = new KeyStore(database, lookUps);
  const [key, now] = [newKey(), new Date()];
  await database.inOrganization('default', async (manager) => {
    await store.insert(manager, changeOf(key), ['pepper']);
    const rotate = (before: typeof key) => {
      const terms = { gracePeriodSeconds: 60, endWhenIdleSeconds: null };
      const result = rotated(before, randomUUID(), { digests: [newDigest()], maskedKey: 'sk-…' }, terms, now);
      return result.kind === 'rotated' ? changeOf(result.key, 'rotated') : null;
    };
    await store.changeIn(manager, 'default', [key.id], rotate, ['pepper']);
  });
  const logger = createLogger({ service: 'test', level: 'silent' });
  await new EndSecrets(database, store, { spendingByKey: async () => [] }, logger).end(
    new Date(now.getTime() + 61_000),
  );
  await new KeyNotices(database, { add: async () => undefined }, logger).tell(now);
}
