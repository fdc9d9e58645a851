import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { formatUsd } from '@tollgate/credit';
import { creditLimitRaiseObject } from '@tollgate/http';
import type { Notice, WebhookEvent } from '../webhooks/webhook-events.js';
import type { StoredSubscription } from './subscription-row.js';
import { newestCharge, statusOf, type CycleCharge, type Subscription } from './subscription.js';

type SubscriptionEvent = Extract<WebhookEvent, `subscription.${string}`>;

/** What happened to a subscription, and in which of its cycles. */
interface Happened {
  readonly type: SubscriptionEvent;
  /** In milliseconds since 1970. */
  readonly atMs: number;
  readonly cycle: CycleCharge;
}

/**
 * What a change says to webhooks: each cycle that has begun, then what was changed, then the end. `before` is null for
 * a subscription that was made; both are as they are stored, and the caller writes the notices in the transaction of
 * the change, under the lock of the subscription. So each is told once. `nowMs` is in milliseconds since 1970.
 */
export function subscriptionNotices(
  before: StoredSubscription | null,
  after: StoredSubscription,
  nowMs: number,
): readonly Notice[] {
  return happened(before, after, nowMs).map((each) => noticeOf(after, each, nowMs));
}

function happened(before: StoredSubscription | null, after: StoredSubscription, nowMs: number): readonly Happened[] {
  const [was, is] = [before?.subscription ?? null, after.subscription];
  const newest = newestCharge(is);
  const at = (type: SubscriptionEvent, atMs = nowMs, cycle = newest): Happened => ({ type, atMs, cycle });
  if (was === null) return [at('subscription.created')];
  const { number: last } = newestCharge(was);
  const begun = is.charges.filter(({ number, sequence }) => number > last && sequence === 0);
  return [
    ...begun.map((cycle) => at('subscription.renewed', cycle.atMs, cycle)),
    ...(isChanged(was, is, begun.length > 0) ? [at('subscription.changed')] : []),
    ...(is.endsAtMs !== null && is.endsAtMs !== was.endsAtMs ? [at('subscription.canceled')] : []),
    // It stays due until its end was seen, so this is told once.
    ...(before?.dueAt !== null && after.dueAt === null ? [at('subscription.expired', is.endsAtMs ?? nowMs)] : []),
  ];
}

/** Another plan, now or for the next cycle, other pay-as-you-go, or a cancelling that was taken back. */
function isChanged(was: Subscription, is: Subscription, isRenewed: boolean): boolean {
  const [plan, planNow] = [newestCharge(was), newestCharge(is)];
  // The plan that was chosen for the next cycle was told of when it was chosen.
  const nextPlanId = isRenewed ? null : was.nextPlanId;
  const planId = isRenewed ? (was.nextPlanId ?? plan.planId) : plan.planId;
  return (
    planNow.planId !== planId ||
    planNow.sequence !== (isRenewed ? 0 : plan.sequence) ||
    is.nextPlanId !== nextPlanId ||
    !isDeepStrictEqual(is.payg, was.payg) ||
    (was.endsAtMs !== null && is.endsAtMs === null)
  );
}

function noticeOf(stored: StoredSubscription, { type, atMs, cycle }: Happened, nowMs: number): Notice {
  const { subscription, planName, nextPlanName } = stored;
  const { organizationId, id, memberId, apiKeyId, nextPlanId, endsAtMs, payg } = subscription;
  return {
    noticeId: randomUUID(),
    organizationId,
    type,
    occurredAt: moment(atMs),
    data: {
      organization_id: organizationId,
      subscription_id: id,
      status: statusOf(subscription, nowMs),
      member_id: memberId,
      api_key_id: apiKeyId,
      plan: planName,
      plan_id: cycle.planId,
      next_plan: nextPlanName,
      next_plan_id: nextPlanId,
      ends_at: endsAtMs === null ? null : moment(endsAtMs),
      period: { number: cycle.number, starts_at: moment(cycle.startMs), ends_at: moment(cycle.endMs) },
      included_usd: formatUsd(cycle.quotaNanoUsd),
      payg: {
        enabled: payg.enabled,
        limit_usd: payg.limitNanoUsd === null ? null : formatUsd(payg.limitNanoUsd),
        credit_limit_raise: creditLimitRaiseObject(payg.raise, new Date(nowMs)),
      },
    },
  };
}

const moment = (ms: number): string => new Date(ms).toISOString();
