import type { Actor } from '@tollgate/auth';
import { formatUsd } from '@tollgate/credit';
import type { AuditFields, AuditRecord } from '../audit/audit-records.js';
import { newestCharge, type CycleCharge, type Subscription } from './subscription.js';

/** What somebody does to a subscription. */
export interface SubscriptionAct {
  readonly actor: Actor;
  readonly action:
    | 'subscription.created'
    | 'subscription.updated'
    | 'subscription.cancelled'
    | 'subscription.resumed'
    | 'subscription.key_replaced';
}

/** What the audit trail has of a subscription that was made (`before` is null) or changed; both are renewed. */
export function subscriptionChange(
  { actor, action }: SubscriptionAct,
  before: Subscription | null,
  after: Subscription,
  details: AuditFields,
): AuditRecord {
  const charged = after.charges.slice(before?.charges.length ?? 0);
  return {
    organizationId: after.organizationId,
    actor,
    action,
    target: { type: 'subscription', id: after.id },
    before: before && fieldsOf(before),
    after: fieldsOf(after),
    details: { ...details, charged_usd: formatUsd(sum(charged)) },
  };
}

const sum = (charges: readonly CycleCharge[]): bigint =>
  charges.reduce((all, { amountNanoUsd }) => all + amountNanoUsd, 0n);

function fieldsOf(subscription: Subscription): AuditFields {
  const { memberId, apiKeyId, nextPlanId, endsAtMs, payg } = subscription;
  const { planId, quotaNanoUsd } = newestCharge(subscription);
  return {
    plan_id: planId,
    next_plan_id: nextPlanId,
    included_usd: formatUsd(quotaNanoUsd),
    member_id: memberId,
    api_key_id: apiKeyId,
    ends_at: endsAtMs === null ? null : new Date(endsAtMs).toISOString(),
    payg: { enabled: payg.enabled, limit_usd: payg.limitNanoUsd === null ? null : formatUsd(payg.limitNanoUsd) },
    credit_limit_raise: payg.raise && {
      amount_usd: formatUsd(payg.raise.amountNanoUsd),
      until: payg.raise.until.toISOString(),
    },
  };
}
