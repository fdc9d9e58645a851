import { Module } from '@nestjs/common';
import { ServiceDatabase, serviceDatabaseOf } from '@tollgate/postgres';
import { LeakStore } from './leak-store.js';
import { MailStore } from './mail-store.js';

/** The tables of the schema `scanning`. */
@Module({
  providers: [serviceDatabaseOf('scanning'), LeakStore, MailStore],
  exports: [ServiceDatabase, LeakStore, MailStore],
})
export class LeakStoreModule {}
