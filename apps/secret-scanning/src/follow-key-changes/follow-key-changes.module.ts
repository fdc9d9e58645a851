import { Module } from '@nestjs/common';
import { OwnerMailModule } from '../owner-mail/owner-mail.module.js';
import { LeakStoreModule } from '../store/store.module.js';
import { KeysChangedController } from './keys-changed.controller.js';

/** Hears of keys that were revoked as leaked without a report of ours. */
@Module({ imports: [OwnerMailModule, LeakStoreModule], controllers: [KeysChangedController] })
export class FollowKeyChangesModule {}
