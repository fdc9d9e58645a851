import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { USAGE_RECORDED_V1, USAGE_RECORDED_V2 } from '@tollgate/contracts';
import { BookUsage } from './book-usage.js';

@Controller()
export class UsageRecordedController {
  constructor(private readonly bookUsage: BookUsage) {}

  @EventPattern(USAGE_RECORDED_V1)
  async book(@Payload() batch: BusBatch): Promise<void> {
    await this.bookUsage.book(batch);
  }

  @EventPattern(USAGE_RECORDED_V2)
  async bookSecondVersion(@Payload() batch: BusBatch): Promise<void> {
    await this.bookUsage.book(batch);
  }
}
