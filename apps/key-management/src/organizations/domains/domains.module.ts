import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../../idempotency/idempotency.module.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { KeyStoreModule } from '../../store/store.module.js';
import { OrganizationsModule } from '../organizations.module.js';
import { DomainStore } from './domain-store.js';
import { DomainsController } from './domains.controller.js';
import { dnsTxtLookUp, TXT_LOOK_UP } from './txt-look-up.js';
import { VerifyDomain } from './verify-domain.js';

/** Domains that organisations have proven to be theirs. */
@Module({
  imports: [IdempotencyModule, KeyStoreModule, OrganizationsModule],
  controllers: [DomainsController],
  providers: [
    DomainStore,
    VerifyDomain,
    {
      provide: TXT_LOOK_UP,
      useFactory: ({ dnsServers }: KeyManagementSettings) => dnsTxtLookUp(dnsServers),
      inject: [KEY_MANAGEMENT_SETTINGS],
    },
  ],
  exports: [DomainStore],
})
export class DomainsModule {}
