import { Module } from '@nestjs/common';
import { DATABASE, ServiceDatabase, type Database } from '@tollgate/postgres';
import { DataSource } from 'typeorm';
import { KeyStore, LOOK_UPS } from './key-store.js';
import { Members } from './members.js';

/** The tables of the schema `keys`. */
@Module({
  providers: [
    { provide: DataSource, useFactory: ({ dataSource }: Database) => dataSource, inject: [DATABASE] },
    { provide: LOOK_UPS, useFactory: ({ lookUps }: Database) => lookUps, inject: [DATABASE] },
    {
      provide: ServiceDatabase,
      useFactory: ({ dataSource }: Database) => new ServiceDatabase(dataSource, 'keys'),
      inject: [DATABASE],
    },
    KeyStore,
    Members,
  ],
  exports: [DataSource, KeyStore, Members, ServiceDatabase],
})
export class KeyStoreModule {}
