import { createHash } from 'node:crypto';
import { findSecrets, maskSecret, Secret } from '@tollgate/api-key';
import { NO_LOG, type BusBatch } from '@tollgate/bus';
import { id, isLedgerText, uuid } from '@tollgate/contracts';
import type { EntityManager } from 'typeorm';
import type { z } from 'zod';
import type { Poison } from './read-usage-record.js';

/** Bytes that are kept of a text that is no JSON, for people to see what it was. What may be replayed is kept whole. */
const UNREADABLE_BYTES_MAX = 10_240;

/**
 * Stores messages that are not booked, so that people can look at them, replay or discard them. One text of one request
 * is stored once, and so is a message that is delivered again.
 */
export async function quarantine(
  manager: EntityManager,
  { topic, partition }: BusBatch,
  records: readonly Poison[],
): Promise<void> {
  for (const { delivery, cause, reason, field, difference } of records) {
    const text = withoutSecrets(delivery.value);
    const whole = Buffer.from(text);
    const value = cause === 'unreadable' ? whole.subarray(0, UNREADABLE_BYTES_MAX) : whole;
    const { requestId, organizationId, apiKeyId } = whoseOf(text);
    await manager.query(
      `INSERT INTO billing.quarantine (topic, partition, log_offset, log_part, value, reason, cause, field, request_id,
         said_organization_id, said_api_key_id, difference, digest, is_cut)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14
       WHERE $3::bigint IS NOT NULL OR NOT EXISTS (SELECT FROM billing.quarantine WHERE log_offset IS NULL AND digest = $13)
       ON CONFLICT DO NOTHING`,
      [
        topic,
        partition,
        partition === NO_LOG ? null : delivery.offset.toString(),
        delivery.part,
        value,
        reason,
        cause,
        field,
        requestId,
        organizationId,
        apiKeyId,
        difference === undefined ? null : JSON.stringify(difference),
        createHash('sha256').update(whole).digest(),
        value.length < whole.length,
      ],
    );
  }
}

/** Usage events contain no secrets. Nobody checks what others send on the topic: secrets of keys are masked. */
function withoutSecrets(text: string): string {
  return findSecrets(text).reduce((masked, secret) => masked.replaceAll(secret, maskSecret(new Secret(secret))), text);
}

interface Whose {
  readonly requestId: string | null;
  readonly organizationId: string | null;
  readonly apiKeyId: string | null;
}

/** What can be found out about a message that may be anything. */
function whoseOf(text: string): Whose {
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // It is no JSON, so it is of nobody.
  }
  const read = (name: string, schema: z.ZodType<string>): string | null => {
    const field: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : null;
    const given = schema.safeParse(field);
    return given.success && isLedgerText(given.data) ? given.data : null;
  };
  return {
    requestId: read('requestId', uuid),
    organizationId: read('organizationId', id),
    apiKeyId: read('apiKeyId', id),
  };
}
