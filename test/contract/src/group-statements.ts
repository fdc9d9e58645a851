import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { GroupStore, KeyUseStore, type Group } from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';

/** An organisation with a large group and many others, so that statements are planned as in production. */
const CROWDED = randomUUID();
const LARGE = randomUUID();

/** Rows from which the planner chooses by statistics. */
export const GROUP_SEEDS = [
  `INSERT INTO keys.organization (id, name) VALUES ('${CROWDED}', 'a crowd in groups')`,
  `INSERT INTO keys.key_group (organization_id, id, name, created_at, version)
   SELECT '${CROWDED}', CASE WHEN n = 1 THEN '${LARGE}' ELSE gen_random_uuid() END::uuid, 'group ' || n, now(), 1 FROM generate_series(1, 400) AS n`,
  `INSERT INTO keys.api_key (id, organization_id, name, scopes, created_at, version)
   SELECT gen_random_uuid(), '${CROWDED}', 'in a group', '{inference:write}', now(), 1 FROM generate_series(1, 1000)`,
  `INSERT INTO keys.group_key (organization_id, group_id, api_key_id)
   SELECT '${CROWDED}', g.id, k.id FROM keys.api_key AS k, keys.key_group AS g
   WHERE k.organization_id = '${CROWDED}' AND g.organization_id = '${CROWDED}' AND (g.id = '${LARGE}' OR g.name LIKE 'group 1_')`,
];

/** Calls every method of groups that queries the database. */
export async function useGroups({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'keys');
  const groups = new GroupStore(database);
  const group: Group = {
    organizationId: CROWDED,
    id: randomUUID(),
    name: 'mine',
    description: null,
    routes: [],
    createdAt: new Date(),
    version: 1,
    deletedAt: null,
  };
  await database.inOrganization(CROWDED, async (manager) => {
    await groups.insert(manager, group, NOBODY);
    await groups.keep(manager, CROWDED, group.id);
  });
  await groups.find(CROWDED, group.id);
  await groups.list(CROWDED, 10, null, null);
  await groups.list(CROWDED, 10, ['2026-11-28T09:30:00.123456Z', randomUUID()], 'mine');
  await groups.namesOf(CROWDED, [LARGE]);
  await groups.keysOf(CROWDED, LARGE, 10, null);
  await groups.keysOf(CROWDED, LARGE, 10, randomUUID());
  await new KeyUseStore(database).chargedToOrganization(CROWDED);
  const change = (decide: (before: Group) => Group) => groups.change(CROWDED, group.id, decide, NOBODY);
  await change((before) => ({ ...before, routes: ['r'], version: before.version + 1 }));
  await change((before) => ({ ...before, deletedAt: new Date(), version: before.version + 1 }));
}
