import { Module } from '@nestjs/common';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { RelayModule } from '../relay/relay.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { ProjectStore } from './project-store.js';
import { ProjectsOfKeyController } from './projects-of-key.controller.js';
import { ProjectsController } from './projects.controller.js';

/** The projects of organisations, and their admin API. */
@Module({
  imports: [IdempotencyModule, KeyStoreModule, OrganizationsModule, RelayModule],
  controllers: [ProjectsController, ProjectsOfKeyController],
  providers: [ProjectStore],
  exports: [ProjectStore],
})
export class ProjectsModule {}
