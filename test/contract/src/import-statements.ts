import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import {
  ImportedKeys,
  ImportStore,
  KeyReferences,
  newApiKey,
  OrganizationStore,
  OrganizationStates,
  RefillStore,
} from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { newDigest } from './key-fixture.js';

const GROUP = randomUUID();
const PROJECT = randomUUID();
const CROWDED = randomUUID();

/** Rows from which the planner chooses by statistics: an import of many keys among others. */
export const IMPORT_SEEDS = [
  `INSERT INTO keys.key_group (organization_id, id, name, created_at, version)
   SELECT 'default', gen_random_uuid(), 'imported ' || n, now(), 1 FROM generate_series(1, 1000) AS n`,
  `INSERT INTO keys.project (organization_id, id, name, created_at, version)
   SELECT 'default', gen_random_uuid(), 'imported ' || n, now(), 1 FROM generate_series(1, 1000) AS n`,
  `INSERT INTO keys.key_group (organization_id, id, name, created_at, version) VALUES ('default', '${GROUP}', 'imported', now(), 1)`,
  `INSERT INTO keys.project (organization_id, id, name, created_at, version) VALUES ('default', '${PROJECT}', 'imported', now(), 1)`,
  `INSERT INTO keys.organization (id, name) VALUES ('${CROWDED}', 'many imports')`,
  `INSERT INTO keys.key_import (organization_id, id, created_at, lease_until, pieces, announced, live_at)
   SELECT '${CROWDED}', gen_random_uuid(), now(), now(), 1, 1, now() FROM generate_series(1, 500)`,
  `INSERT INTO keys.api_key (id, organization_id, name, scopes, created_at, version, import_id, import_piece)
   SELECT gen_random_uuid(), '${CROWDED}', 'imported', '{inference:write}', now(), 1, i.id, 1
   FROM keys.key_import AS i CROSS JOIN generate_series(1, 4)`,
];

/** Calls every method of imports that queries the database. */
export async function useImports({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'keys');
  const store = new ImportStore(database, new OrganizationStore(database));
  const begun = async () => {
    const which = { organizationId: 'default', id: randomUUID() };
    await store.begin(which, NOBODY, new Date());
    await store.renew(which);
    const digest = newDigest();
    const key = newApiKey(
      {
        id: randomUUID(),
        organizationId: 'default',
        name: 'a',
        scopes: ['inference:write'],
        createdAt: new Date(),
        groupIds: [GROUP],
      },
      { digests: [digest], maskedKey: 'sha256:00000000…', form: 'sha256' },
    );
    await store.stage(which, 1, [key], NOBODY, ['a pepper']);
    await store.taken([digest]);
    return which;
  };
  const [live, left] = [await begun(), await begun()];
  await store.makeLive(live);
  await store.announce(live, 1);
  await store.abandon(left);
  await store.drop(left, 1);
  await store.forget(left);
  await store.left();
  const references = new KeyReferences();
  await database.inOrganization('default', (manager) =>
    references.faults(manager, 'default', { projectId: PROJECT, groupIds: [GROUP] }),
  );
  const states = new OrganizationStates(database);
  await states.findAll(['default']);
  await new RefillStore(database, states).pages().next();
  const imported = new ImportedKeys(database, { singleSession: false });
  imported.mayExist();
}
