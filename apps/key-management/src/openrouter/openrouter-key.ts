import { hashOfKey } from '@tollgate/api-key';
import type { Maker } from '../members/maker.js';
import { formatUsd, remainingOf } from '@tollgate/credit';
import { raisedLimit } from '@tollgate/http';
import { stateOf, type ApiKey } from '../keys/api-key/api-key.js';
import { creditBalance, type ChargedSums } from '../keys/key-use/credit-used.js';
import type { CurrentOpenRouterKey, OpenRouterKey } from './openrouter-key.reply.js';

/** A key in the shape of OpenRouter. `creator` is who made it; null where that is not known. */
export function openRouterKey(
  key: ApiKey,
  charged: ChargedSums,
  creator: Pick<Maker, 'kind' | 'id'> | null,
  now: Date,
): OpenRouterKey {
  const state = stateOf(key, now);
  return {
    hash: hashOfKey(key.id),
    name: key.name,
    label: key.maskedKey,
    disabled: state === 'disabled' || state === 'revoked',
    ...spendingOf(key, charged, now),
    created_at: key.createdAt.toISOString(),
    updated_at: null,
    expires_at: key.expiresAt?.toISOString() ?? null,
    creator_user_id: personIn(creator),
    external_user: null,
    workspace_id: key.organizationId,
  };
}

/** The key that asks, in the shape of OpenRouter. */
export function currentOpenRouterKey(
  key: ApiKey,
  charged: ChargedSums,
  creator: Pick<Maker, 'kind' | 'id'> | null,
  now: Date,
): CurrentOpenRouterKey {
  const manages = key.scopes.includes('admin');
  return {
    label: key.maskedKey,
    ...spendingOf(key, charged, now),
    is_free_tier: false,
    is_management_key: manages,
    is_provisioning_key: manages,
    creator_user_id: personIn(creator),
    expires_at: key.expiresAt?.toISOString() ?? null,
    organization_id: key.organizationId,
    workspace_id: key.organizationId,
    allowed_data_regions: ['global'],
    free_model_daily_requests: { limit: 0, remaining: 0, used: 0 },
    rate_limit: {
      requests: key.rateLimits.requestsPerMinute ?? -1,
      interval: '60s',
      note: 'Requests of this key in a minute; -1 is unlimited.',
    },
  };
}

const personIn = (creator: Pick<Maker, 'kind' | 'id'> | null): string | null =>
  creator?.kind === 'person' ? creator.id : null;

function spendingOf({ creditLimitNanoUsd: limit, creditReset, creditRaise }: ApiKey, sums: ChargedSums, now: Date) {
  const {
    chargedNanoUsd,
    chargedTodayNanoUsd = '0',
    chargedThisWeekNanoUsd = '0',
    chargedThisMonthNanoUsd = '0',
  } = sums;
  // A raise is for a while, so that it is no part of the limit, but calls can use it.
  const raised = raisedLimit(limit, creditRaise, now);
  const left = remainingOf(raised, creditBalance(creditReset, sums) ?? { postedNanoUsd: 0n, heldNanoUsd: 0n });
  return {
    limit: limit === null ? null : usd(limit),
    limit_remaining: left === null ? null : usd(left),
    limit_reset: limit === null || creditReset === 'never' ? null : creditReset,
    include_byok_in_limit: false,
    usage: usd(chargedNanoUsd),
    usage_daily: usd(chargedTodayNanoUsd),
    usage_weekly: usd(chargedThisWeekNanoUsd),
    usage_monthly: usd(chargedThisMonthNanoUsd),
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
  } as const;
}

/** The nearest number: the shape has no exact amounts. */
const usd = (nanoUsd: bigint | string): number => Number(formatUsd(BigInt(nanoUsd)));
