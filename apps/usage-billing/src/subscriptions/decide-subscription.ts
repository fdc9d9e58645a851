import type { Principal } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import { Problem } from '@tollgate/http';
import type { Plan } from '../plans/plan.js';
import type { PlanVersions } from './plan-versions.js';
import { cancelled, newestCharge, statusOf, withPlan, type Payg, type Subscription } from './subscription.js';
import type { PaygRequest } from './subscriptions.request.js';

/**
 * The operator subscribes whom they like. Others do for themselves where the plan says so, since it costs their
 * organisation money that the operator collects.
 * @throws {Problem} `access_denied`
 */
export function demandSelfService(principal: Principal, plans: readonly Pick<Plan, 'selfService'>[]): void {
  if (principal.kind === 'operator' || plans.every(({ selfService }) => selfService)) return;
  throw new Problem('access_denied', { detail: 'The plan is not for self-service: ask the operator.' });
}

/**
 * Pay-as-you-go as a request asks for it. It needs a limit, and a plan that allows it.
 * @throws {Problem} `invalid_request`
 */
export function paygAsked(present: Payg, asked: PaygRequest | undefined, isAllowed: boolean): Payg {
  if (asked === undefined) return present;
  const payg: Payg = {
    enabled: asked.enabled ?? present.enabled,
    limitNanoUsd: asked.limit_usd ?? present.limitNanoUsd,
  };
  if (payg.enabled && !isAllowed) throw invalid('payg.enabled', 'must be false: the plan allows no pay-as-you-go');
  if (payg.enabled && payg.limitNanoUsd === null)
    throw invalid('payg.limit_usd', 'must be given where pay-as-you-go is enabled');
  return payg;
}

/**
 * The subscription with another plan, where one is named, and other settings. It must be renewed.
 * @throws {Problem} `subscription_ended`, `invalid_request`
 */
export function updated(
  subscription: Subscription,
  plan: Plan | null,
  payg: PaygRequest | undefined,
  versions: PlanVersions,
  now: Date,
): Subscription {
  if (statusOf(subscription, now.getTime()) === 'ended') throw new Problem('subscription_ended');
  const planned = plan === null ? subscription : changedPlan(subscription, plan, versions, now);
  const { planId, planVersion } = newestCharge(planned);
  return { ...planned, payg: paygAsked(planned.payg, payg, versions.exactly(planId, planVersion).paygAllowed) };
}

function changedPlan(subscription: Subscription, plan: Plan, versions: PlanVersions, now: Date): Subscription {
  const change = withPlan(subscription, versions.newest(plan.id), versions.exactly, now.getTime());
  switch (change.kind) {
    case 'unchanged':
      return subscription;
    case 'upgraded':
    case 'at_next_cycle':
      return change.subscription;
    default:
      return unreachable(change);
  }
}

/** The subscription cancelled; the same where it ends no later already. It must be renewed. */
export function cancelledAt(subscription: Subscription, at: 'now' | 'cycle_end', now: Date): Subscription {
  return cancelled(subscription, at, now.getTime()) ?? subscription;
}

/**
 * The subscription with its cancelling taken back.
 * @throws {Problem} `subscription_ended`
 */
export function resumed(subscription: Subscription, now: Date): Subscription {
  if (statusOf(subscription, now.getTime()) === 'ended') throw new Problem('subscription_ended');
  return { ...subscription, endsAtMs: null };
}

const invalid = (path: string, message: string): Problem =>
  new Problem('invalid_request', { errors: [{ path, message }] });
