import {
  createSubscriptionKeyReply,
  identifyPrincipalReply,
  importedKeysReply,
  knownKeysReply,
  contactsReply,
  knownOwnersReply,
  revokeLeakedKeysReply,
  takenTermsReply,
  verifyKeyReply,
  type KeyManagementApi,
} from '@tollgate/contracts';
import { InternalHttpClient, type InternalHttpClientOptions } from './internal-http-client.js';

/**
 * Says under which peppers the digests of a call were made, the present one first, separated by commas. key-management
 * answers none that were made under others than its own: they would be nobody's, though their keys exist. Releases
 * before neither send nor read it.
 */
export const PEPPER_ID_HEADER = 'x-tollgate-pepper-id';

export interface KeyManagementClientOptions extends InternalHttpClientOptions {
  /** `pepperIds` of the peppers under which the caller makes digests, where it makes any. */
  readonly pepperIds?: readonly string[];
}

/** key-management's internal API over HTTP. Every method throws `InternalCallError` where it cannot be asked. */
export function httpKeyManagementApi({
  pepperIds = [],
  ...options
}: KeyManagementClientOptions): KeyManagementApi & { close(): Promise<void> } {
  const headers: Record<string, string> = pepperIds.length === 0 ? {} : { [PEPPER_ID_HEADER]: pepperIds.join() };
  const client = new InternalHttpClient({ ...options, headers });
  return {
    verifyKey: (digest, previousDigest = null, furtherDigests = []) =>
      client.call(
        '/internal/keys/verify',
        {
          ...(previousDigest === null ? { digest } : { digest: previousDigest, newDigest: digest }),
          ...(furtherDigests.length > 0 && { furtherDigests }),
        },
        verifyKeyReply,
      ),
    addDigests: (digests) => client.send('/internal/keys/digests', { digests }),
    knownKeys: async (organizationId, apiKeyIds) =>
      (await client.call('/internal/keys/known', { organizationId, apiKeyIds }, knownKeysReply)).apiKeyIds,
    knownOwners: (request) => client.call('/internal/owners/known', request, knownOwnersReply),
    contacts: (request) => client.call('/internal/organizations/contacts', request, contactsReply),
    identifyPrincipal: (request) => client.call('/internal/principals/identify', request, identifyPrincipalReply),
    revokeLeakedKeys: async (request) =>
      (await client.call('/internal/leaked-keys/revoke', request, revokeLeakedKeysReply)).items,
    mayHaveImportedKeys: async () => (await client.call('/internal/imports/known', {}, importedKeysReply)).importedKeys,
    createSubscriptionKey: (request) => client.call('/internal/subscription-keys', request, createSubscriptionKeyReply),
    takeOrganizationTerms: (terms) => client.call('/internal/organizations/terms', terms, takenTermsReply),
    takeSubscriptionTerms: (terms) => client.call('/internal/subscriptions/terms', terms, takenTermsReply),
    recordRefusedCalls: (calls) => client.send('/internal/audit/refusals', { calls }),
    close: () => client.close(),
  };
}
