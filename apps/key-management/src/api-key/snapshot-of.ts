import { keyAccountId, type KeySnapshot } from '@tollgate/api-key';
import type { ApiKey } from './api-key.js';

/** What gateways need to know of a key. An expired one is an active snapshot: the gateway knows the time. */
export function snapshotOf(key: ApiKey): KeySnapshot {
  const identity = { apiKeyId: key.id, organizationId: key.organizationId, version: key.version, digests: key.digests };
  if (key.revocation !== null) return { ...identity, state: 'revoked', reason: key.revocation.reason };
  return {
    ...identity,
    state: 'active',
    name: key.name,
    scopes: key.scopes,
    expiresAtMs: key.expiresAt?.getTime() ?? null,
    models: key.models,
    allowedIps: key.allowedIps,
    rateLimits: key.rateLimits,
    accounts: [{ accountId: keyAccountId(key.id), capNanoUsd: key.creditLimitNanoUsd?.toString() ?? null }],
  };
}
