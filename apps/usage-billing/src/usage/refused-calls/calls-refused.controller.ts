import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { CALLS_REFUSED_V1 } from '@tollgate/contracts';
import { StoreRefusedCalls } from './store-refused-calls.js';

@Controller()
export class CallsRefusedController {
  constructor(private readonly refused: StoreRefusedCalls) {}

  @EventPattern<string>(CALLS_REFUSED_V1)
  async store(@Payload() batch: BusBatch): Promise<void> {
    await this.refused.store(batch);
  }
}
