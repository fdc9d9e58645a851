import { Module } from '@nestjs/common';
import { KeyStoreModule } from '../store/store.module.js';
import { GroupStore } from './group-store.js';

/** Groups as they are stored, for all who show what they open. */
@Module({ imports: [KeyStoreModule], providers: [GroupStore], exports: [GroupStore] })
export class GroupStoreModule {}
