import type { ApiKey } from '../keys/api-key/api-key.js';

/** The columns of a key that can change, as JSON for `jsonb_to_recordset`. */
export function columnsOf(key: ApiKey): object {
  return {
    id: key.id,
    version: key.version,
    name: key.name,
    description: key.description,
    scopes: key.scopes,
    expires_at: key.expiresAt,
    credit_limit_nano_usd: limitColumnOf(key),
    requests_per_minute: key.rateLimits.requestsPerMinute,
    tokens_per_minute: key.rateLimits.tokensPerMinute,
    parallel_requests: key.rateLimits.parallelRequests,
    models: key.models,
    allowed_ips: key.allowedIps,
    project_id: key.projectId,
    subscription: key.subscription,
    credit_reset: key.creditReset,
    credit_generation: key.creditGeneration,
    credit_raise_nano_usd: key.creditRaise?.amountNanoUsd.toString() ?? null,
    credit_raise_until: key.creditRaise?.until ?? null,
    browser_use: key.browserUse,
    rotate_every_days: key.rotateEveryDays,
    disabled_at: key.disabledAt,
    revoked_at: key.revocation?.at ?? null,
    revoke_reason: key.revocation?.reason ?? null,
    deleted_at: key.deletedAt,
  };
}

/**
 * The column of a key's own limit. For the key of a subscription it is 0: a process of the release before would let it
 * spend without a limit. This release does not read it there.
 */
export function limitColumnOf({ subscription, creditLimitNanoUsd }: ApiKey): string | null {
  return subscription === null ? (creditLimitNanoUsd?.toString() ?? null) : '0';
}
