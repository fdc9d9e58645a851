import { NO_LOG, type ResumeOffsets } from '@tollgate/bus';
import type { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';

/** Reads the offsets at which the bus resumes; bookings commit them with their effects. Index: consumer_offset_pk. */
export function resumeOffsets(database: ServiceDatabase): ResumeOffsets {
  return async (topic, partitions) => {
    const rows = await database.acrossOrganizations((manager) =>
      manager.query<{ partition: number; next_offset: string }[]>(
        'SELECT partition, next_offset FROM billing.consumer_offset WHERE topic = $1 AND partition = ANY($2::integer[])',
        [topic, partitions],
      ),
    );
    return new Map(rows.map((row) => [row.partition, BigInt(row.next_offset)]));
  };
}

/** Stores in the caller's transaction that all records before `next` are handled. The offset never goes back. */
export async function advanceOffset(
  manager: EntityManager,
  topic: string,
  partition: number,
  next: bigint,
): Promise<void> {
  if (partition === NO_LOG) return;
  await manager.query(
    `INSERT INTO billing.consumer_offset AS known (topic, partition, next_offset) VALUES ($1, $2, $3)
     ON CONFLICT (topic, partition) DO UPDATE SET next_offset = greatest(known.next_offset, EXCLUDED.next_offset)`,
    [topic, partition, next.toString()],
  );
}
