import { Inject, Module } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { registerPreviousPepperGauge } from '../metrics.js';
import { KeyMetricsModule } from '../metrics.module.js';
import { GroupStoreModule } from '../groups/group-store.module.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';
import { RelayModule } from '../relay/relay.module.js';
import { ConfiguredRoutesModule } from '../routes/configured-routes.module.js';
import { keysOfPreviousPepper } from '../store/refuse-other-pepper.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { ChangedKeyReplies } from './api-key/changed-key-replies.js';
import { KeyMakers } from './api-key/key-makers.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ExplainKey } from './explain-key/explain-key.js';
import { ExplainKeyController } from './explain-key/explain-key.controller.js';
import { AddDigests } from './add-digests/add-digests.js';
import { BulkKeys } from './bulk-keys/bulk-keys.js';
import { BulkKeysController } from './bulk-keys/bulk-keys.controller.js';
import { CreateKey } from './create-key/create-key.js';
import { KeyReferences } from './create-key/key-references.js';
import { NewKeys } from './create-key/new-keys.js';
import { ProjectKeysController } from './create-key/project-keys.controller.js';
import { CreateSubscriptionKey } from './create-subscription-key/create-subscription-key.js';
import { KeyGivers } from './grant-key/key-givers.js';
import { LastingGivers } from './grant-key/lasting-givers.js';
import { KeyUseStore } from './key-use/key-use-store.js';
import { KeysUsedController } from './key-use/keys-used.controller.js';
import { FinishImports } from './import-keys/finish-imports.js';
import { ImportKeys } from './import-keys/import-keys.js';
import { ImportKeysController } from './import-keys/import-keys.controller.js';
import { ImportStore } from './import-keys/import-store.js';
import { BalanceLookup } from './explain-key/balance-lookup.js';
import { SubscriptionCycles } from './key-use/subscription-cycles.js';
import { KeySpendingLookup } from './list-keys/key-spending.js';
import { ListKeys } from './list-keys/list-keys.js';
import { RefillSnapshots } from './refill-snapshots/refill-snapshots.js';
import { RefillStore } from './refill-snapshots/refill-store.js';
import { RevokeKey } from './revoke-key/revoke-key.js';
import { LeaksReportedController } from './revoke-leaked-keys/leaks-reported.controller.js';
import { RevokeLeakedKeys } from './revoke-leaked-keys/revoke-leaked-keys.js';
import { RotateKey } from './rotate-key/rotate-key.js';
import { RotateKeyController } from './rotate-key/rotate-key.controller.js';
import { SwitchKey } from './switch-key/switch-key.js';
import { SwitchKeyController } from './switch-key/switch-key.controller.js';
import { LimitAccounts } from './update-key/limit-accounts.js';
import { SubscriptionsChangedController } from './take-subscription-terms/subscriptions-changed.controller.js';
import { TakeSubscriptionTerms } from './take-subscription-terms/take-subscription-terms.js';
import { UpdateKey } from './update-key/update-key.js';
import { DigestLookUps } from './verify-key/digest-look-ups.js';
import { VerifyKey } from './verify-key/verify-key.js';

/** API keys: their admin API, and the use cases that other services and the bus call. */
@Module({
  imports: [
    ConfiguredRoutesModule,
    GroupStoreModule,
    IdempotencyModule,
    KeyMetricsModule,
    KeyStoreModule,
    OrganizationsModule,
    RelayModule,
  ],
  controllers: [
    BulkKeysController,
    ApiKeysController,
    SwitchKeyController,
    ProjectKeysController,
    RotateKeyController,
    ExplainKeyController,
    ImportKeysController,
    KeysUsedController,
    LeaksReportedController,
    SubscriptionsChangedController,
  ],
  providers: [
    BulkKeys,
    AddDigests,
    CreateKey,
    CreateSubscriptionKey,
    DigestLookUps,
    ExplainKey,
    FinishImports,
    ImportKeys,
    ImportStore,
    KeyReferences,
    KeyGivers,
    LastingGivers,
    ChangedKeyReplies,
    KeyMakers,
    BalanceLookup,
    KeySpendingLookup,
    SubscriptionCycles,
    KeyUseStore,
    LimitAccounts,
    ListKeys,
    NewKeys,
    RefillSnapshots,
    RefillStore,
    RevokeKey,
    RevokeLeakedKeys,
    RotateKey,
    SwitchKey,
    TakeSubscriptionTerms,
    UpdateKey,
    VerifyKey,
  ],
  exports: [
    AddDigests,
    BalanceLookup,
    CreateKey,
    CreateSubscriptionKey,
    DigestLookUps,
    KeyMakers,
    KeySpendingLookup,
    SubscriptionCycles,
    KeyUseStore,
    RevokeKey,
    RevokeLeakedKeys,
    SwitchKey,
    TakeSubscriptionTerms,
    UpdateKey,
    VerifyKey,
  ],
})
export class KeysModule {
  constructor(
    @Inject(METRICS_REGISTRY) registry: Registry,
    @Inject(KEY_MANAGEMENT_SETTINGS) { peppers }: KeyManagementSettings,
    database: ServiceDatabase,
  ) {
    registerPreviousPepperGauge(registry, () => keysOfPreviousPepper(database, peppers));
  }
}
