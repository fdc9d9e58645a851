import { Module } from '@nestjs/common';
import { EscalateModule } from '../escalate/escalate.module.js';
import { OwnerMailModule } from '../owner-mail/owner-mail.module.js';
import { StoreModule } from '../store/store.module.js';
import { ReceiveReport } from './receive-report.js';

/** What follows from a report, whichever origin it came from. */
@Module({
  imports: [EscalateModule, OwnerMailModule, StoreModule],
  providers: [ReceiveReport],
  exports: [ReceiveReport],
})
export class LeaksModule {}
