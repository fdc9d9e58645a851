import { Module } from '@nestjs/common';
import { KeysModule } from '../keys/keys.module.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { BillingCreditsController } from './billing-credits.controller.js';
import { SharedLimits } from './shared-limits.js';

/** What a key has left, as it may ask itself. */
@Module({
  imports: [KeysModule, KeyStoreModule, OrganizationsModule],
  controllers: [BillingCreditsController],
  providers: [SharedLimits],
})
export class BillingCreditsModule {}
