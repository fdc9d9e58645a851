import type { KeySubscriptionCycle } from '@tollgate/contracts';
import { formatUsd, remainingOf, type AccountBalance } from '@tollgate/credit';
import { raisedLimit } from '@tollgate/http';
import type { ApiKey } from '../keys/api-key/api-key.js';
import { creditBalance, type ChargedSums } from '../keys/key-use/credit-used.js';
import { creditOfSubscription } from '../keys/key-use/subscription-credit.js';
import type { BillingCredits } from './billing-credits.reply.js';
import type { SharedCredit } from './shared-limits.js';

/** What decides about the own credit of a key. */
type Limited = Pick<ApiKey, 'creditLimitNanoUsd' | 'creditReset' | 'creditRaise'>;

/**
 * What a key has left by its own limit or its subscription, and by what it shares with others: of that only what a
 * refusal of its next call would say. Null if usage-billing is of a release that does not tell what is used in the
 * present cycle.
 */
export function billingCredits(
  key: Limited,
  charged: ChargedSums,
  cycle: KeySubscriptionCycle | null,
  shared: SharedCredit,
  now: Date,
): BillingCredits | null {
  if (cycle !== null) return creditsOfSubscription(cycle, shared);
  const limit = raisedLimit(key.creditLimitNanoUsd, key.creditRaise, now);
  const balance = creditBalance(limit === null ? 'never' : key.creditReset, charged);
  return balance === null
    ? null
    : { object: 'billing_credits', is_subscriber: false, payg: paygOf(limit, balance, shared) };
}

/** One that has ended is no subscription any more: nothing of it can be spent. */
function creditsOfSubscription(cycle: KeySubscriptionCycle, shared: SharedCredit): BillingCredits {
  const { quota, payg: beyond } = creditOfSubscription(cycle);
  const payg = paygOf(beyond.limitNanoUsd, beyond.balance, shared);
  if (cycle.status === 'ended') return { object: 'billing_credits', is_subscriber: false, payg };
  return {
    object: 'billing_credits',
    is_subscriber: true,
    payg,
    subscription: {
      plan_type: cycle.plan,
      status: cycle.status === 'active' ? 'active' : 'cancelled',
      cycle_quota_limit: usd(quota.limitNanoUsd),
      cycle_quota_used: usd(quota.balance.postedNanoUsd),
      cycle_quota_remaining: usd(remainingOf(quota.limitNanoUsd, quota.balance)),
      cycle_start: cycle.startsAt,
      cycle_end: cycle.endsAt,
      payg_fallback_enabled: cycle.paygCapNanoUsd !== null,
      ...(cycle.paygCapNanoUsd !== null && {
        payg_spent_usd: usd(BigInt(cycle.paygUsedNanoUsd)),
        payg_limit_usd: usd(BigInt(cycle.paygCapNanoUsd)),
      }),
    },
  };
}

/**
 * The parts add up with what calls in flight hold, also where a limit was lowered below what is used, or others have
 * used of what is shared.
 */
function paygOf(
  limit: bigint | null,
  balance: AccountBalance,
  { leftNanoUsd: shared }: SharedCredit,
): BillingCredits['payg'] {
  const { postedNanoUsd: used, heldNanoUsd: held } = balance;
  const own = remainingOf(limit, balance);
  const remaining = own === null || (shared !== null && shared < own) ? shared : own;
  if (remaining === null) return { remaining_usd: null, used_usd: usd(used), total_usd: null, is_unlimited: true };
  return {
    remaining_usd: usd(remaining),
    used_usd: usd(used),
    total_usd: usd(remaining + used + held),
    is_unlimited: false,
  };
}

/** The nearest number: the shape has no exact amounts. */
const usd = (nanoUsd: bigint): number => Number(formatUsd(nanoUsd));
