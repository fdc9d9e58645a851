import { Module } from '@nestjs/common';
import { ServiceDatabase, serviceDatabaseOf } from '@tollgate/postgres';
import { GatewayInstances } from './gateway-instances.js';

/** The tables of the schema `billing`. */
@Module({
  providers: [serviceDatabaseOf('billing'), GatewayInstances],
  exports: [ServiceDatabase, GatewayInstances],
})
export class BillingStoreModule {}
