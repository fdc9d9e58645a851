import { Module } from '@nestjs/common';
import { DATABASE, type Database } from '@tollgate/postgres';
import { DataSource } from 'typeorm';
import { GatewayInstances } from './gateway-instances.js';

/** The tables of the schema `billing`. */
@Module({
  providers: [
    { provide: DataSource, useFactory: ({ dataSource }: Database) => dataSource, inject: [DATABASE] },
    GatewayInstances,
  ],
  exports: [DataSource, GatewayInstances],
})
export class BillingStoreModule {}
