import { inTime } from '@tollgate/periodic';
import type { Readiness } from '@tollgate/telemetry';

/** A probe waits a second or so. A database that takes longer than this is shown as one that does not answer. */
const DATABASE_MS_MAX = 500;

/**
 * Makes the readiness check of a service whose stores are shared by all its processes. It shows how they are, and none
 * of them decides: while one is away, every process is as good as any other, and if all of them called themselves not
 * ready, their callers would get no answer at all instead of one that says what is away.
 */
export function showStores(
  database: { query(sql: string): Promise<unknown> },
  others: () => Readonly<Record<string, boolean>>,
): () => Promise<Readiness> {
  return async () => {
    const answered = database.query('SELECT 1').then(
      () => true,
      () => false,
    );
    const postgres = await inTime(answered, DATABASE_MS_MAX, () => false);
    return { ready: true, checks: { postgres, ...others() } };
  };
}
