import type { Readiness } from '@tollgate/telemetry';

/**
 * Makes a readiness check: a service is ready while its database answers, because most of its work needs it. `others`
 * (Redis, Kafka) are reported but do not decide: without them only a part of the work waits.
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
