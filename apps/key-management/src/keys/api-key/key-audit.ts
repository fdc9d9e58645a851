import { formatUsd } from '@tollgate/credit';
import { changesBetween, type OrganizationEntry } from '../../audit/audit-entry.js';
import type { AuditValue } from '../../audit/audit-value.js';
import type { ApiKey } from './api-key.js';
import type { KeyChange } from './key-change.js';

/** The entry of the audit trail for a change of a key; `before` is null for a new one. */
export function auditEntryOf(before: ApiKey | null, { actor, change, details, key }: KeyChange): OrganizationEntry {
  return {
    organizationId: key.organizationId,
    actor,
    action: `api_key.${change}`,
    targetType: 'api_key',
    targetId: key.id,
    changes: changesBetween(before === null ? null : auditedFields(before), auditedFields(key)),
    details: { name: key.name, masked_key: key.maskedKey, ...details },
  };
}

/** Everything that can change of a key, under the names of the admin API. Digests of secrets are none of it. */
function auditedFields(key: ApiKey): Record<string, AuditValue> {
  return {
    name: key.name,
    description: key.description,
    scopes: key.scopes,
    expires_at: key.expiresAt,
    credit_limit_usd: key.creditLimitNanoUsd === null ? null : formatUsd(key.creditLimitNanoUsd),
    credit_limit_raise_usd: key.creditRaise === null ? null : formatUsd(key.creditRaise.amountNanoUsd),
    credit_limit_raise_until: key.creditRaise?.until ?? null,
    credit_reset: key.creditReset,
    project_id: key.projectId,
    browser_use: key.browserUse,
    groups: key.groupIds,
    rotate_every_days: key.rotateEveryDays,
    secrets: key.secrets.filter(({ end }) => end === null).map(({ maskedKey }) => maskedKey),
    requests_per_minute: key.rateLimits.requestsPerMinute,
    tokens_per_minute: key.rateLimits.tokensPerMinute,
    parallel_requests: key.rateLimits.parallelRequests,
    models: key.models,
    allowed_ips: key.allowedIps,
    disabled_at: key.disabledAt,
    revoked_at: key.revocation?.at ?? null,
    revoke_reason: key.revocation?.reason ?? null,
    deleted_at: key.deletedAt,
    ...subscriptionFields(key.subscription),
  };
}

/** What its subscription decides; nothing of all other keys. */
function subscriptionFields(subscription: ApiKey['subscription']): Record<string, AuditValue> {
  if (subscription === null) return {};
  const { subscriptionId, quotas, endsAtMs, payg } = subscription;
  const usd = (nanoUsd: string): string => formatUsd(BigInt(nanoUsd));
  return {
    subscription_id: subscriptionId,
    subscription_quotas: quotas.map(
      ({ fromMs, quotaNanoUsd }) => `${usd(quotaNanoUsd)} USD from ${new Date(fromMs).toISOString()}`,
    ),
    subscription_ends_at: endsAtMs === null ? null : new Date(endsAtMs),
    payg_limit_usd: payg === null ? null : usd(payg.capNanoUsd),
  };
}
