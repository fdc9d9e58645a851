import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { isLedgerText, NOTICES_V1, noticesV1 } from '@tollgate/contracts';
import { ServiceDatabase, storeInHalves } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { advanceOffset } from '../store/consumer-offsets.js';
import { DeliverWebhooks } from './deliver-webhooks/deliver-webhooks.js';
import { addDeliveries } from './deliver-webhooks/delivery-store.js';
import type { Notice } from './webhook-events.js';

/** Nothing that a service tells of comes near this. */
const NOTICE_LENGTH_MAX = 100_000;

/**
 * Hands what other services tell of to the webhooks of its organisation: each message once for each notice and webhook,
 * so the offset of the bus may follow it.
 */
@Controller()
export class DeliverNoticesController {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly deliverWebhooks: DeliverWebhooks,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern(NOTICES_V1)
  async onNotices(@Payload() batch: BusBatch): Promise<void> {
    const last = batch.messages.at(-1);
    if (last === undefined) return;
    const notices = batch.messages.map(({ value }) => readNotice(value));
    const unreadable = notices.filter((notice) => notice === null).length;
    if (unreadable > 0)
      this.logger.error({ topic: batch.topic, partition: batch.partition, unreadable }, 'notices that cannot be read');
    const readable = notices.filter((notice) => notice !== null);
    await storeInHalves(
      readable,
      (some) => this.database.acrossOrganizations((manager) => addDeliveries(manager, some, new Date())),
      (_notice, fault) => this.logger.error({ topic: batch.topic, fault }, 'a notice was passed over'),
    );
    await this.database.acrossOrganizations((manager) =>
      advanceOffset(manager, batch.topic, batch.partition, last.offset + 1n),
    );
    this.deliverWebhooks.wake();
  }
}

/** Null for what is none, so that one message does not stop all that follow. PostgreSQL stores no NUL in a text. */
function readNotice(value: string): Notice | null {
  if (value.length > NOTICE_LENGTH_MAX) return null;
  try {
    const notice = noticesV1.parse(JSON.parse(value));
    return [notice.organizationId, notice.type].every(isLedgerText) ? notice : null;
  } catch {
    return null;
  }
}
