import type { KeyManagementApi } from '@tollgate/contracts';
import type { RecordRefusedCalls } from '../audit/record-refused-calls.js';
import type { AddDigests } from '../keys/add-digests/add-digests.js';
import type { CreateSubscriptionKey } from '../keys/create-subscription-key/create-subscription-key.js';
import type { RevokeLeakedKeys } from '../keys/revoke-leaked-keys/revoke-leaked-keys.js';
import type { TakeSubscriptionTerms } from '../keys/take-subscription-terms/take-subscription-terms.js';
import { toldTermsOf } from '../organizations/take-billing-terms/read-billing-terms.js';
import type { TakeBillingTerms } from '../organizations/take-billing-terms/take-billing-terms.js';
import type { IdentifyPrincipal } from '../principals/identify-principal.js';
import type { ImportedKeys } from '../store/imported-keys.js';
import type { KnownOwnersStore } from '../store/known-owners-store.js';
import type { Members } from '../store/members.js';
import type { KeyStore } from '../store/key-store.js';
import type { VerifyKey } from '../keys/verify-key/verify-key.js';

/** The internal API, called directly; `KeyManagementHttpModule` puts it on HTTP. */
export function directKeyManagementApi(
  verifyKey: VerifyKey,
  store: Pick<KeyStore, 'known'>,
  revokeLeakedKeys: RevokeLeakedKeys,
  addDigests: AddDigests,
  recordRefusedCalls: RecordRefusedCalls,
  identifyPrincipal: IdentifyPrincipal,
  imported: Pick<ImportedKeys, 'mayExist'>,
  createSubscriptionKey: CreateSubscriptionKey,
  owners: KnownOwnersStore,
  members: Pick<Members, 'contacts'>,
  takeBillingTerms: Pick<TakeBillingTerms, 'everywhere'>,
  takeSubscriptionTerms: Pick<TakeSubscriptionTerms, 'everywhere'>,
): KeyManagementApi {
  return {
    verifyKey: (digest, previousDigest = null, furtherDigests = []) =>
      verifyKey.execute(digest, previousDigest, furtherDigests),
    addDigests: (digests) => addDigests.execute(digests),
    identifyPrincipal: (request) => identifyPrincipal.execute(request, new Date()),
    knownKeys: (organizationId, apiKeyIds) => store.known(organizationId, apiKeyIds),
    knownOwners: (request) => owners.known(request),
    contacts: (request) => members.contacts(request),
    revokeLeakedKeys: ({ origin, digests }) => revokeLeakedKeys.execute(origin, digests, new Date()),
    mayHaveImportedKeys: () => Promise.resolve(imported.mayExist()),
    createSubscriptionKey: (request) => createSubscriptionKey.execute(request, new Date()),
    takeOrganizationTerms: async (terms) => ({ everywhere: await takeBillingTerms.everywhere(toldTermsOf(terms)) }),
    takeSubscriptionTerms: async (terms) => ({
      everywhere: await takeSubscriptionTerms.everywhere(terms, new Date()),
    }),
    recordRefusedCalls: (calls) => recordRefusedCalls.execute(calls, new Date()),
  };
}
