import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { AUDIT_RECORDED_V1 } from '@tollgate/contracts';
import { storeInHalves } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { readAuditRecords } from './read-audit-record.js';
import { TakeEntries } from './take-entries.js';

/** Takes what other services have done into the audit trail. */
@Controller()
export class AuditRecordedController {
  constructor(
    private readonly takeEntries: TakeEntries,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern<string>(AUDIT_RECORDED_V1)
  async onAuditRecorded(@Payload() { topic, partition, messages }: BusBatch): Promise<void> {
    const { entries, unreadable } = readAuditRecords(
      messages.map(({ value }) => value),
      new Date(),
    );
    if (unreadable > 0)
      this.logger.error({ topic, partition, unreadable }, 'entries of the audit trail could not be read');
    await storeInHalves(
      entries,
      (some) => this.takeEntries.execute(some),
      (_entry, fault) => this.logger.error({ topic, partition, fault }, 'an entry of the audit trail was passed over'),
    );
  }
}
