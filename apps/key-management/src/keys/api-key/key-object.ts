import type { KeySpending } from '@tollgate/contracts';
import { formatUsd, remainingOf } from '@tollgate/credit';
import { creditLimitRaiseObject, raisedLimit } from '@tollgate/http';
import { makerObject, type NamedMaker } from '../../members/maker.reply.js';
import type { SecretUse } from '../key-use/key-use-store.js';
import { creditBalance, type ChargedSums } from '../key-use/credit-used.js';
import { endOfSecret } from '../rotate-key/rotation.js';
import { stateOf, typeOf, type ApiKey } from './api-key.js';
import type { KeyObject, SecretObject } from './key.reply.js';

/** What a key was charged, and when it was used last. */
export type ShownSpending = ChargedSums & Pick<KeySpending, 'lastUsedAt'>;

/** Of a key that was just made. */
export const NOTHING_SPENT: ShownSpending = {
  chargedNanoUsd: '0',
  chargedTodayNanoUsd: '0',
  chargedThisWeekNanoUsd: '0',
  chargedThisMonthNanoUsd: '0',
  lastUsedAt: null,
};

/**
 * Builds the admin API's view of a key. `spending` is null if usage-billing could not be asked, `createdBy` for a key
 * of before its maker was noted.
 */
export function keyObject(
  key: ApiKey,
  spending: ShownSpending | null,
  now: Date,
  createdBy: NamedMaker | null,
): KeyObject {
  const balance = spending === null ? null : creditBalance(key.creditReset, spending);
  const limit = raisedLimit(key.creditLimitNanoUsd, key.creditRaise, now);
  return {
    object: 'api_key',
    id: key.id,
    name: key.name,
    description: key.description,
    type: typeOf(key),
    public_key: key.publicKey,
    project_id: key.projectId,
    masked_key: key.maskedKey,
    scopes: key.scopes,
    state: stateOf(key, now),
    expires_at: key.expiresAt?.toISOString() ?? null,
    credit_limit_usd: key.creditLimitNanoUsd === null ? null : formatUsd(key.creditLimitNanoUsd),
    credit_limit_raise: creditLimitRaiseObject(key.creditRaise, now),
    credit_used_usd: balance === null ? null : formatUsd(balance.postedNanoUsd),
    credit_remaining_usd: limit === null || balance === null ? null : formatUsd(remainingOf(limit, balance)),
    credit_reset: limit === null ? null : key.creditReset,
    rate_limits: {
      requests_per_minute: key.rateLimits.requestsPerMinute,
      tokens_per_minute: key.rateLimits.tokensPerMinute,
      parallel_requests: key.rateLimits.parallelRequests,
    },
    models: key.models,
    allowed_ips: key.allowedIps,
    groups: key.groupIds,
    browser_use: key.browserUse,
    rotate_every_days: key.rotateEveryDays,
    created_at: key.createdAt.toISOString(),
    created_by: createdBy === null ? null : makerObject(createdBy),
    last_used_at: spending?.lastUsedAt ?? null,
    secrets: secretObjects(key),
    disabled_at: key.disabledAt?.toISOString() ?? null,
    revoked_at: key.revocation?.at.toISOString() ?? null,
  };
}

/** The same view with what each secret was used for: so its owner sees who still uses a former one. */
export function withSecretUses<Shown extends Pick<KeyObject, 'secrets'>>(
  shown: Shown,
  uses: readonly SecretUse[],
): Shown {
  const useOf = new Map(uses.map((use) => [use.secretId, use]));
  const secrets = shown.secrets.map((secret): SecretObject => {
    const use = useOf.get(secret.id);
    return {
      ...secret,
      last_used_at: use?.lastUsedAt.toISOString() ?? null,
      requests: use?.requests ?? 0,
      addresses: (use?.addresses ?? []).map(({ address, lastUsedAt }) => ({ address, last_used_at: lastUsedAt })),
    };
  });
  return { ...shown, secrets };
}

/** A key that is rotated each day has many secrets; what is older says nothing that anybody acts on. */
const SECRETS_SHOWN = 10;

/** The newest secrets of a key, the present one last. */
function secretObjects(key: ApiKey): readonly SecretObject[] {
  return key.secrets.slice(-SECRETS_SHOWN).map((secret) => ({
    id: secret.id,
    masked_key: secret.maskedKey,
    created_at: secret.createdAt.toISOString(),
    ends_at: endOfSecret(key, secret)?.toISOString() ?? null,
    end_when_idle_seconds: secret.endWhenIdleSeconds,
    end_reason: secret.end?.reason ?? null,
  }));
}
