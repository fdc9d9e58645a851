import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { MetricsModule } from '../metrics.module.js';
import { StoreModule } from '../store/store.module.js';
import { GatewayWatch } from './gateway-watch.js';

/** Which gateways are there, and what follows when one is gone. */
@Module({
  imports: [LedgerModule, MetricsModule, StoreModule],
  providers: [GatewayWatch],
  exports: [GatewayWatch],
})
export class GatewaysModule {}
