import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { KeyGivers } from '../keys/grant-key/key-givers.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { RelayModule } from '../relay/relay.module.js';
import { ConfiguredRoutesModule } from '../routes/configured-routes.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { GroupMembers } from './group-members.js';
import { GroupRouteChanges } from './group-routes.js';
import { GroupStoreModule } from './group-store.module.js';
import { GroupsController } from './groups.controller.js';

/** Groups of keys and the routes that they open, and their admin API. */
@Module({
  imports: [
    GroupStoreModule,
    IdempotencyModule,
    KeyStoreModule,
    OrganizationsModule,
    RelayModule,
    ConfiguredRoutesModule,
  ],
  controllers: [GroupsController],
  providers: [GroupMembers, GroupRouteChanges, KeyGivers],
})
export class GroupsModule {}
