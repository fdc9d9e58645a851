import { Module } from '@nestjs/common';
import { BillingAuditModule } from '../audit/audit.module.js';
import { BillingStoreModule } from '../store/store.module.js';
import { ProviderReportsController } from './provider-reports.controller.js';
import { ProviderReportStore } from './provider-report-store.js';

/** Reports of providers beside the ledger. */
@Module({
  imports: [BillingAuditModule, BillingStoreModule],
  controllers: [ProviderReportsController],
  providers: [ProviderReportStore],
})
export class ProviderReportsModule {}
