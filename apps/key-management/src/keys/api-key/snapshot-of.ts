import {
  keyAccountId,
  organizationAccountId,
  SNAPSHOT_FORM,
  type CappedAccount,
  type KeySnapshot,
} from '@tollgate/api-key';
import type { ApiKey } from './api-key.js';

/** The snapshot of a key for gateways. An expired key has an active snapshot: the gateway checks the expiry itself. */
export function snapshotOf(key: ApiKey): KeySnapshot {
  const identity = {
    form: SNAPSHOT_FORM,
    apiKeyId: key.id,
    organizationId: key.organizationId,
    version: key.version,
    digests: key.digests,
  };
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
    accounts: accountsOf(key),
  };
}

/**
 * The key's own account, with or without a cap, and the organisation's account if that has a cap. The second is only
 * for gateways of the previous release: they do not read the organisation's own snapshot and would not enforce its cap.
 */
function accountsOf(key: ApiKey): CappedAccount[] {
  const own = { accountId: keyAccountId(key.id), capNanoUsd: key.creditLimitNanoUsd?.toString() ?? null };
  if (key.organizationCreditLimitNanoUsd === null) return [own];
  return [
    own,
    { accountId: organizationAccountId(key.organizationId), capNanoUsd: key.organizationCreditLimitNanoUsd.toString() },
  ];
}
