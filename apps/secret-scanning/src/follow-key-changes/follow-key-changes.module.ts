import { Module } from '@nestjs/common';
import { OwnerMailModule } from '../owner-mail/owner-mail.module.js';
import { LeakStoreModule } from '../store/store.module.js';
import { KeysChangedController } from './keys-changed.controller.js';

/** Follows the bus for keys that were revoked as leaked, so that no leak stays without a record and a mail. */
@Module({ imports: [OwnerMailModule, LeakStoreModule], controllers: [KeysChangedController] })
export class FollowKeyChangesModule {}
