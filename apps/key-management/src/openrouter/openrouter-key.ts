import { hashOfKey } from '@tollgate/api-key';
import type { KeySubscriptionCycle } from '@tollgate/contracts';
import type { Maker } from '../members/maker.js';
import { formatUsd, remainingOf } from '@tollgate/credit';
import { raisedLimit } from '@tollgate/http';
import { stateOf, type ApiKey } from '../keys/api-key/api-key.js';
import { creditBalance, type ChargedSums } from '../keys/key-use/credit-used.js';
import { creditOfSubscription } from '../keys/key-use/subscription-credit.js';
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
    ...limitOfKey(key, charged, now),
    ...spentBy(charged),
    created_at: key.createdAt.toISOString(),
    updated_at: null,
    expires_at: key.expiresAt?.toISOString() ?? null,
    creator_user_id: personIn(creator),
    external_user: null,
    workspace_id: key.organizationId,
  };
}

/** The key that asks, in the shape of OpenRouter; `cycle` is that of its subscription, null for a key of none. */
export function currentOpenRouterKey(
  key: ApiKey,
  charged: ChargedSums,
  cycle: KeySubscriptionCycle | null,
  creator: Pick<Maker, 'kind' | 'id'> | null,
  now: Date,
): CurrentOpenRouterKey {
  const manages = key.scopes.includes('admin');
  return {
    label: key.maskedKey,
    ...(cycle === null ? limitOfKey(key, charged, now) : limitOfSubscription(cycle)),
    ...spentBy(charged),
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

type Limit = Pick<OpenRouterKey, 'limit' | 'limit_remaining' | 'limit_reset'>;

/** A raise counts in the limit while it does for calls: clients take limit less remaining for what is used. */
function limitOfKey({ creditLimitNanoUsd, creditReset, creditRaise }: ApiKey, sums: ChargedSums, now: Date): Limit {
  const limit = raisedLimit(creditLimitNanoUsd, creditRaise, now);
  const left = remainingOf(limit, creditBalance(creditReset, sums) ?? { postedNanoUsd: 0n, heldNanoUsd: 0n });
  return {
    limit: limit === null ? null : usd(limit),
    limit_remaining: left === null ? null : usd(left),
    limit_reset: limit === null || creditReset === 'never' ? null : creditReset,
  };
}

/** Its quota, and what pay-as-you-go adds. It begins anew with each cycle, which no word of the shape says. */
function limitOfSubscription(cycle: KeySubscriptionCycle): Limit {
  const { quota, payg } = creditOfSubscription(cycle);
  return {
    limit: usd(quota.limitNanoUsd + payg.limitNanoUsd),
    limit_remaining: usd(remainingOf(quota.limitNanoUsd, quota.balance) + remainingOf(payg.limitNanoUsd, payg.balance)),
    limit_reset: null,
  };
}

const spentBy = ({
  chargedNanoUsd,
  chargedTodayNanoUsd = '0',
  chargedThisWeekNanoUsd = '0',
  chargedThisMonthNanoUsd = '0',
}: ChargedSums) =>
  ({
    include_byok_in_limit: false,
    usage: usd(chargedNanoUsd),
    usage_daily: usd(chargedTodayNanoUsd),
    usage_weekly: usd(chargedThisWeekNanoUsd),
    usage_monthly: usd(chargedThisMonthNanoUsd),
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
  }) as const;

/** The nearest number: the shape has no exact amounts. */
const usd = (nanoUsd: bigint | string): number => Number(formatUsd(BigInt(nanoUsd)));
