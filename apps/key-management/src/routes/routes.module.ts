import { Module } from '@nestjs/common';
import { GroupStoreModule } from '../groups/group-store.module.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { ConfiguredRoutesModule } from './configured-routes.module.js';
import { RoutesController } from './routes.controller.js';
import { ShowRoutes } from './show-routes.js';

/** What groups open of the routes of config.yaml. */
@Module({
  imports: [ConfiguredRoutesModule, GroupStoreModule, KeyStoreModule, OrganizationsModule],
  controllers: [RoutesController],
  providers: [ShowRoutes],
})
export class RoutesModule {}
