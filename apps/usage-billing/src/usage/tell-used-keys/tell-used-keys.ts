import { Inject, Injectable } from '@nestjs/common';
import { BUS_PUBLISHER, type BusMessage, type BusPublisher } from '@tollgate/bus';
import { KEYS_USED_V1, type KeysUsedV1 } from '@tollgate/contracts';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { groupedBy } from '../../grouped-by.js';
import { BillingMeter } from '../../metrics.js';
import { UsedKeys, type ChangedKey, type Place } from './used-keys.js';

/** Key-management shows last use and spend at most 5 s late; a message takes well below a second. */
const EVERY_MS = 2_000;
/** Keys that are read and told together. */
const PAGE = 1_000;
/** Keys in one message: some 100 kB if each was used from ten addresses. */
const KEYS_MAX = 100;

/**
 * Tells key-management what keys were used for: only of keys that were used since, and absolute sums, so that a message
 * may come twice. What is not told when the process ends is told by the next one: the ledger knows what was told.
 */
@Injectable()
export class TellUsedKeys extends PeriodicService {
  constructor(
    private readonly used: UsedKeys,
    @Inject(BUS_PUBLISHER) private readonly bus: BusPublisher,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly meter: BillingMeter,
  ) {
    super({ everyMs: EVERY_MS });
  }

  /** Tells of all keys that were used since that was told. Rejects if the database or the bus cannot be reached. */
  async tell(now: Date): Promise<void> {
    let after: Place | null = null;
    do {
      const changed: ChangedKey[] = await this.used.changed(after, PAGE, now);
      if (changed.length > 0) {
        await this.bus.publish(KEYS_USED_V1, messagesOf(changed));
        const keys = changed.map(({ key }) => key);
        await this.used.told(keys);
        this.meter.usedKeysTold(keys.map(({ lastUsedAt }) => now.getTime() - Date.parse(lastUsedAt)));
      }
      const last = changed.at(-1);
      after =
        last === undefined || changed.length < PAGE
          ? null
          : { organizationId: last.organizationId, apiKeyId: last.key.apiKeyId };
    } while (after !== null && !this.periodic.stopped);
  }

  protected override async work(): Promise<void> {
    await this.tell(new Date()).catch((err: unknown) =>
      this.logger.warn({ err }, 'the use of keys could not be told; the next attempt follows in two seconds'),
    );
  }
}

/** Keys of one organisation share messages. The keys are in the order of their organisations. */
function messagesOf(changed: readonly ChangedKey[]): BusMessage[] {
  const messages: BusMessage[] = [];
  for (const [organizationId, ofOne] of groupedBy(changed, (each) => each.organizationId)) {
    for (let at = 0; at < ofOne.length; at += KEYS_MAX) {
      const keys = ofOne.slice(at, at + KEYS_MAX).map(({ key }) => key);
      const event: KeysUsedV1 = { eventVersion: 1, organizationId, keys };
      messages.push({ key: organizationId, value: JSON.stringify(event) });
    }
  }
  return messages;
}
