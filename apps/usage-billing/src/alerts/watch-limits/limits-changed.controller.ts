import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { keyAccountId, organizationAccountId } from '@tollgate/api-key';
import type { BusBatch } from '@tollgate/bus';
import { isLedgerText, LIMITS_CHANGED_V1, limitsChangedV1 } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { advanceOffset } from '../../store/consumer-offsets.js';
import { SUM_MAX } from '../../ledger/book-usage/bookable-event.js';
import { noteLimits } from './watched-limit-store.js';
import type { WatchedLimit } from './watched-limit.js';
import { WatchLimits } from './watch-limits.js';

/** Notes what key-management says of limits, with the offset of the bus, and has them looked at. */
@Controller()
export class LimitsChangedController {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly watchLimits: WatchLimits,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern(LIMITS_CHANGED_V1)
  async onLimitsChanged(@Payload() batch: BusBatch): Promise<void> {
    const last = batch.messages.at(-1);
    if (last === undefined) return;
    const limits = batch.messages.map(({ value }) => readLimit(value));
    const unreadable = limits.filter((limit) => limit === null).length;
    if (unreadable > 0)
      this.logger.error({ topic: batch.topic, partition: batch.partition, unreadable }, 'limits that cannot be read');
    const readable = limits.filter((limit) => limit !== null);
    await this.database.acrossOrganizations(async (manager) => {
      await noteLimits(manager, readable, new Date());
      await advanceOffset(manager, batch.topic, batch.partition, last.offset + 1n);
    });
    this.watchLimits.wake();
  }
}

/** Null for what is none, so that one message does not stop all that follow. */
function readLimit(value: string): WatchedLimit | null {
  try {
    const { organizationId, apiKeyId, version, capNanoUsd, reset, raise } = limitsChangedV1.parse(JSON.parse(value));
    const limitId = apiKeyId === null ? organizationAccountId(organizationId) : keyAccountId(apiKeyId);
    const amounts = [capNanoUsd, raise?.amountNanoUsd ?? null].map((amount) =>
      amount === null ? null : BigInt(amount),
    );
    if (!isLedgerText(organizationId) || !isLedgerText(limitId)) return null;
    if (amounts.some((amount) => amount !== null && amount > SUM_MAX)) return null;
    const raised = raise === null ? null : { amountNanoUsd: amounts[1]!, until: new Date(raise.until) };
    return { organizationId, limitId, version, capNanoUsd: amounts[0]!, reset, anchorMs: null, raise: raised };
  } catch {
    return null;
  }
}
