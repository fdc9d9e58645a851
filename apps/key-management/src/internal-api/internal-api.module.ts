import { Global, Module } from '@nestjs/common';
import { KEY_MANAGEMENT_API } from '@tollgate/contracts';
import { AuditModule } from '../audit/audit.module.js';
import { RecordRefusedCalls } from '../audit/record-refused-calls.js';
import { AddDigests } from '../keys/add-digests/add-digests.js';
import { CreateSubscriptionKey } from '../keys/create-subscription-key/create-subscription-key.js';
import { KeysModule } from '../keys/keys.module.js';
import { RevokeLeakedKeys } from '../keys/revoke-leaked-keys/revoke-leaked-keys.js';
import { TakeSubscriptionTerms } from '../keys/take-subscription-terms/take-subscription-terms.js';
import { VerifyKey } from '../keys/verify-key/verify-key.js';
import { OrganizationsModule } from '../organizations/organizations.module.js';
import { TakeBillingTerms } from '../organizations/take-billing-terms/take-billing-terms.js';
import { IdentifyPrincipal } from '../principals/identify-principal.js';
import { SessionsModule } from '../sign-in/sessions.module.js';
import { ImportedKeys } from '../store/imported-keys.js';
import { KnownOwnersStore } from '../store/known-owners-store.js';
import { Members } from '../store/members.js';
import { KeyStore } from '../store/key-store.js';
import { KeyStoreModule } from '../store/store.module.js';
import { directKeyManagementApi } from './direct-key-management-api.js';

/** Is global so that, in the standalone, the other services inject `KEY_MANAGEMENT_API` without importing this app. */
@Global()
@Module({
  imports: [AuditModule, KeysModule, KeyStoreModule, OrganizationsModule, SessionsModule],
  providers: [
    IdentifyPrincipal,
    {
      provide: KEY_MANAGEMENT_API,
      useFactory: directKeyManagementApi,
      inject: [
        VerifyKey,
        KeyStore,
        RevokeLeakedKeys,
        AddDigests,
        RecordRefusedCalls,
        IdentifyPrincipal,
        ImportedKeys,
        CreateSubscriptionKey,
        KnownOwnersStore,
        Members,
        TakeBillingTerms,
        TakeSubscriptionTerms,
      ],
    },
  ],
  exports: [KEY_MANAGEMENT_API],
})
export class KeyManagementApiModule {}
