import { Module } from '@nestjs/common';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { AuditLogsController } from './audit-logs.controller.js';
import { AuditStore } from './audit-store.js';
import { AuditTrail } from './audit-trail.js';
import { EraseAuditTexts } from './erase-audit-texts.js';
import { RecordRefusedCalls } from './record-refused-calls.js';
import { AuditRecordedController } from './take-entries/audit-recorded.controller.js';
import { TakeEntries } from './take-entries/take-entries.js';
import { TakeOverFormerEvents } from './take-over-former-events.js';
import { VerifyChains } from './verify-chains.js';

/** The audit trail: who has changed what, who has signed in, and who was refused. */
@Module({
  imports: [KeyStoreModule, OrganizationsModule],
  controllers: [AuditLogsController, AuditRecordedController],
  providers: [
    AuditStore,
    AuditTrail,
    EraseAuditTexts,
    RecordRefusedCalls,
    TakeEntries,
    TakeOverFormerEvents,
    VerifyChains,
  ],
  exports: [RecordRefusedCalls],
})
export class AuditModule {}
