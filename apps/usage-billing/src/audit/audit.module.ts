import { Module } from '@nestjs/common';
import { BillingRelayModule } from '../relay/relay.module.js';
import { AuditRecords } from './audit-records.js';

/** What usage-billing tells the audit trail. */
@Module({ imports: [BillingRelayModule], providers: [AuditRecords], exports: [AuditRecords] })
export class BillingAuditModule {}
