import { Module } from '@nestjs/common';
import { DATABASE, ServiceDatabase, serviceDatabaseOf, type Database } from '@tollgate/postgres';
import { ImportedKeys } from './imported-keys.js';
import { KeyListStore } from './key-list-store.js';
import { KeyStore, LOOK_UPS } from './key-store.js';
import { KnownOwnersStore } from './known-owners-store.js';
import { Members } from './members.js';
import { OrganizationStates } from './organization-states.js';

/** The tables of the schema `keys`. */
@Module({
  providers: [
    { provide: LOOK_UPS, useFactory: ({ lookUps }: Database) => lookUps, inject: [DATABASE] },
    serviceDatabaseOf('keys'),
    ImportedKeys,
    KeyListStore,
    KeyStore,
    KnownOwnersStore,
    Members,
    OrganizationStates,
  ],
  exports: [ImportedKeys, KeyListStore, KeyStore, KnownOwnersStore, Members, OrganizationStates, ServiceDatabase],
})
export class KeyStoreModule {}
