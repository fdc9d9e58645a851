import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { KEYS_USED_V1 } from '@tollgate/contracts';
import { storeInHalves } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { KeyUseStore } from './key-use-store.js';
import { readToldUse } from './read-told-use.js';

/** Stores what usage-billing tells of the use of keys. */
@Controller()
export class KeysUsedController {
  constructor(
    private readonly store: KeyUseStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern<string>(KEYS_USED_V1)
  async onKeysUsed(@Payload() batch: BusBatch): Promise<void> {
    const { told, unreadable } = readToldUse(batch.messages.map(({ value }) => value));
    if (unreadable > 0)
      this.logger.error({ topic: batch.topic, unreadable }, 'sums of used keys could not be read and were passed over');
    await storeInHalves(
      told,
      (some) => this.store.store(some),
      (_use, fault) => this.logger.error({ topic: batch.topic, fault }, 'sums of a used key were passed over'),
    );
  }
}
