import { NO_LOG, type BusBatch } from '@tollgate/bus';
import type { EntityManager } from 'typeorm';
import type { UsageRecord } from './read-usage-record.js';

const VALUE_BYTES_MAX = 10_240;

/** Stores messages that can never be booked, so that people can look at them. Usage events contain no secrets. */
export async function quarantine(
  manager: EntityManager,
  { topic, partition }: BusBatch,
  records: readonly UsageRecord[],
): Promise<void> {
  for (const { kind, delivery, ...rest } of records) {
    if (kind !== 'poison' || !('reason' in rest)) continue;
    await manager.query(
      `INSERT INTO billing.quarantine (topic, partition, log_offset, log_part, value, reason) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT ON CONSTRAINT quarantine_once DO NOTHING`,
      [
        topic,
        partition,
        partition === NO_LOG ? null : delivery.offset.toString(),
        delivery.part,
        Buffer.from(delivery.value).subarray(0, VALUE_BYTES_MAX),
        rest.reason,
      ],
    );
  }
}
