import { knownKeysReply, revokeLeakedKeysReply, verifyKeyReply, type KeyManagementApi } from '@tollgate/contracts';
import { InternalHttpClient, type InternalHttpClientOptions } from './internal-http-client.js';

/** key-management's internal API over HTTP. Every method throws `InternalCallError` where it cannot be asked. */
export function httpKeyManagementApi(options: InternalHttpClientOptions): KeyManagementApi & { close(): Promise<void> } {
  const client = new InternalHttpClient(options);
  return {
    verifyKey: async (digest) => (await client.call('/internal/keys/verify', { digest }, verifyKeyReply)).snapshot,
    knownKeys: async (apiKeyIds) =>
      (await client.call('/internal/keys/known', { apiKeyIds }, knownKeysReply)).apiKeyIds,
    revokeLeakedKeys: async (request) =>
      (await client.call('/internal/leaked-keys/revoke', request, revokeLeakedKeysReply)).items,
    close: () => client.close(),
  };
}
