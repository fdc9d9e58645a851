import { knownKeysReply, revokeLeakedKeysReply, verifyKeyReply, type KeyManagementApi } from '@tollgate/contracts';
import { InternalHttpClient, type InternalHttpClientOptions } from './internal-http-client.js';

/**
 * Says under which pepper the digests of a call were made. key-management answers none that were made under another one
 * than its own: they would be nobody's, though their keys exist. Releases before neither send nor read it.
 */
export const PEPPER_ID_HEADER = 'x-tollgate-pepper-id';

export interface KeyManagementClientOptions extends InternalHttpClientOptions {
  /** `pepperId` of the pepper under which the caller makes digests, where it makes any. */
  readonly pepperId?: string;
}

/** key-management's internal API over HTTP. Every method throws `InternalCallError` where it cannot be asked. */
export function httpKeyManagementApi({
  pepperId,
  ...options
}: KeyManagementClientOptions): KeyManagementApi & { close(): Promise<void> } {
  const headers: Record<string, string> = pepperId === undefined ? {} : { [PEPPER_ID_HEADER]: pepperId };
  const client = new InternalHttpClient({ ...options, headers });
  return {
    verifyKey: (digest) => client.call('/internal/keys/verify', { digest }, verifyKeyReply),
    knownKeys: async (organizationId, apiKeyIds) =>
      (await client.call('/internal/keys/known', { organizationId, apiKeyIds }, knownKeysReply)).apiKeyIds,
    revokeLeakedKeys: async (request) =>
      (await client.call('/internal/leaked-keys/revoke', request, revokeLeakedKeysReply)).items,
    close: () => client.close(),
  };
}
