import { Module } from '@nestjs/common';
import { EscalateModule } from '../escalate/escalate.module.js';
import { OwnerMailModule } from '../owner-mail/owner-mail.module.js';
import { LeakStoreModule } from '../store/store.module.js';
import { ImportedKeysKnown } from './imported-keys-known.js';
import { ReceiveReport } from './receive-report.js';

/** Handles a report, whichever origin it came from. */
@Module({
  imports: [EscalateModule, OwnerMailModule, LeakStoreModule],
  providers: [ImportedKeysKnown, ReceiveReport],
  exports: [ImportedKeysKnown, ReceiveReport],
})
export class LeaksModule {}
