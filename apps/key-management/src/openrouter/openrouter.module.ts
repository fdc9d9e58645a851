import { Module } from '@nestjs/common';
import { KeysModule } from '../keys/keys.module.js';
import { KeyMetricsModule } from '../metrics.module.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { CurrentKeyController } from './current-key.controller.js';
import { OpenRouterKeysController } from './openrouter-keys.controller.js';
import { OpenRouterKeyPages } from './openrouter-key-pages.js';
import { OpenRouterKeys } from './openrouter-keys.js';

/** The paths by which clients of OpenRouter manage keys, on the use cases of the admin API. */
@Module({
  imports: [KeysModule, KeyMetricsModule, KeyStoreModule, OrganizationsModule],
  controllers: [OpenRouterKeysController, CurrentKeyController],
  providers: [OpenRouterKeyPages, OpenRouterKeys],
})
export class OpenRouterModule {}
