import type { ServiceDatabase } from '@tollgate/postgres';

/**
 * Says whether any request was ever sent to a provider with another name. The query stops at the first such event. The
 * answer never goes back to false, since usage events are never deleted.
 */
export async function usedOtherProviders(database: ServiceDatabase, name: string): Promise<boolean> {
  const [row] = await database.acrossOrganizations((manager) =>
    manager.query<{ used: boolean }[]>(
      'SELECT EXISTS (SELECT 1 FROM billing.usage_event WHERE provider <> $1) AS used',
      [name],
    ),
  );
  return row?.used === true;
}
