import { Module } from '@nestjs/common';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { AuditLogsController } from './audit-logs.controller.js';
import { AuditStore } from './audit-store.js';
import { AuditTrail } from './audit-trail.js';
import { EraseAuditTexts } from './erase-audit-texts.js';
import { RecordRefusedCalls } from './record-refused-calls.js';
import { TakeOverFormerEvents } from './take-over-former-events.js';
import { VerifyChains } from './verify-chains.js';

/** The audit trail: who has changed what, who has signed in, and who was refused. */
@Module({
  imports: [KeyStoreModule, OrganizationsModule],
  controllers: [AuditLogsController],
  providers: [AuditStore, AuditTrail, EraseAuditTexts, RecordRefusedCalls, TakeOverFormerEvents, VerifyChains],
  exports: [RecordRefusedCalls],
})
export class AuditModule {}
