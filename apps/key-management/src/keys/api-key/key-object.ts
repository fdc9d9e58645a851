import type { KeySpending } from '@tollgate/contracts';
import { formatUsd } from '@tollgate/credit';
import { stateOf, type ApiKey, type KeyState } from './api-key.js';

/** A key as the admin API shows it. Moments are RFC 3339 in UTC, money is decimal USD. */
export interface KeyObject {
  readonly object: 'api_key';
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly type: 'router';
  readonly masked_key: string;
  readonly scopes: readonly string[];
  readonly state: KeyState;
  readonly expires_at: string | null;
  readonly credit_limit_usd: string | null;
  /** The sum from the ledger; null while usage-billing cannot be reached, since an unknown sum must not read as 0. */
  readonly credit_used_usd: string | null;
  readonly credit_reset: null;
  readonly rate_limits: {
    readonly requests_per_minute: number | null;
    readonly tokens_per_minute: number | null;
    readonly parallel_requests: number | null;
  };
  readonly models: readonly string[] | null;
  readonly allowed_ips: readonly string[] | null;
  readonly groups: readonly string[];
  readonly created_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

/** Builds the admin API's view of a key. `spending` is null if usage-billing could not be asked. */
export function keyObject(
  key: ApiKey,
  spending: Pick<KeySpending, 'chargedNanoUsd' | 'lastUsedAt'> | null,
  now: Date,
): KeyObject {
  return {
    object: 'api_key',
    id: key.id,
    name: key.name,
    description: key.description,
    type: 'router',
    masked_key: key.maskedKey,
    scopes: key.scopes,
    state: stateOf(key, now),
    expires_at: key.expiresAt?.toISOString() ?? null,
    credit_limit_usd: key.creditLimitNanoUsd === null ? null : formatUsd(key.creditLimitNanoUsd),
    credit_used_usd: spending === null ? null : formatUsd(BigInt(spending.chargedNanoUsd)),
    credit_reset: null,
    rate_limits: {
      requests_per_minute: key.rateLimits.requestsPerMinute,
      tokens_per_minute: key.rateLimits.tokensPerMinute,
      parallel_requests: key.rateLimits.parallelRequests,
    },
    models: key.models,
    allowed_ips: key.allowedIps,
    groups: [],
    created_at: key.createdAt.toISOString(),
    last_used_at: spending?.lastUsedAt ?? null,
    revoked_at: key.revocation?.at.toISOString() ?? null,
  };
}
