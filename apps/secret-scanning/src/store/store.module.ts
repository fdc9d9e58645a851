import { Module } from '@nestjs/common';
import { DATABASE, type Database } from '@tollgate/postgres';
import { DataSource } from 'typeorm';
import { LeakStore } from './leak-store.js';
import { MailStore } from './mail-store.js';

/** The tables of the schema `scanning`. */
@Module({
  providers: [
    { provide: DataSource, useFactory: ({ dataSource }: Database) => dataSource, inject: [DATABASE] },
    LeakStore,
    MailStore,
  ],
  exports: [DataSource, LeakStore, MailStore],
})
export class LeakStoreModule {}
