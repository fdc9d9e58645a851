import type { DataSource } from 'typeorm';

/**
 * Whether any request was ever sent to another provider than the one of this name. Stops at the first; usage events are
 * never taken away.
 */
export async function usedOtherProviders(dataSource: DataSource, name: string): Promise<boolean> {
  const [row] = await dataSource.query<{ used: boolean }[]>(
    'SELECT EXISTS (SELECT 1 FROM billing.usage_event WHERE provider <> $1) AS used',
    [name],
  );
  return row?.used === true;
}
