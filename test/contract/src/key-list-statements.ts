import { randomUUID } from 'node:crypto';
import { KeyListStore } from '@tollgate/key-management';
import { ServiceDatabase, type Database } from '@tollgate/postgres';

/** Calls every method of the lists of keys that queries the database, in each way in which a page is found. */
export async function useKeyLists({ dataSource }: Database): Promise<void> {
  const store = new KeyListStore(new ServiceDatabase(dataSource, 'keys'));
  const query = {
    organizationId: 'default',
    filters: {},
    order: { by: 'created', descending: true },
    after: null,
    count: 10,
    now: new Date(),
  } as const;
  const filters = { text: { text: 'another', beginning: false }, type: 'router' } as const;
  await store.page(query);
  await store.page({ ...query, filters });
  await store.page({ ...query, filters }, { candidates: 0, walk: 1, askingWalk: 1 });
  await store.ids(query);
  await store.count({ organizationId: 'default', filters, now: query.now });
  await store.idsByDigests('default', [randomUUID().replaceAll('-', '').repeat(2)]);
}
