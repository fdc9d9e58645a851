import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { KeyGivers, KeyStore, newApiKey, ProjectStore } from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';

const ORGANIZATION = 'default';

/** Calls what the settings of keys query the database for, besides the store of keys. */
export async function useSettings({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'keys');
  const [store, projects] = [
    new KeyStore(database, { ask: () => Promise.resolve([]), close: () => Promise.resolve() }),
    new ProjectStore(database),
  ];
  const now = new Date();
  const project = {
    organizationId: ORGANIZATION,
    id: randomUUID(),
    name: randomUUID(),
    description: null,
    createdAt: now,
    version: 1,
  };
  const digest = Buffer.from(randomUUID().replaceAll('-', '').repeat(2), 'hex').toString('hex');
  const key = newApiKey(
    {
      id: randomUUID(),
      organizationId: ORGANIZATION,
      name: 'of a project',
      scopes: ['admin'],
      projectId: project.id,
      groupIds: [randomUUID()],
      createdAt: now,
    },
    { digests: [digest], maskedKey: 'sk-abc…wxyz' },
  );
  await database.inOrganization(ORGANIZATION, async (manager) => {
    await projects.insert(manager, project, NOBODY);
    await store.insert(manager, { change: 'created', key, actor: NOBODY, details: {}, at: now }, ['a pepper']);
    const principal = { kind: 'api_key', apiKeyId: key.id, organizationId: ORGANIZATION, scopes: key.scopes } as const;
    await new KeyGivers().giverOf(manager, { principal }, now);
  });
  await projects.delete(ORGANIZATION, project.id, () => undefined, NOBODY);
}
