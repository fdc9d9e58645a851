import { Module } from '@nestjs/common';
import { KeysModule } from '../keys/keys.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { BillingCreditsController } from './billing-credits.controller.js';

/** What a key has left, as it may ask itself. */
@Module({ imports: [KeysModule, KeyStoreModule], controllers: [BillingCreditsController] })
export class BillingCreditsModule {}
