import type { Readiness } from '@tollgate/telemetry';

/**
 * Ready while the database answers, which most of what a service does needs. `others` (Redis, Kafka) are told, and
 * decide nothing: without them a part of the work waits, and the rest goes on.
 */
export function readyByDatabase(
  database: { query(sql: string): Promise<unknown> },
  others: () => Readonly<Record<string, boolean>>,
): () => Promise<Readiness> {
  return async () => {
    const postgres = await database.query('SELECT 1').then(
      () => true,
      () => false,
    );
    return { ready: postgres, checks: { postgres, ...others() } };
  };
}
