import type { Principal } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import { askedRaise, Problem, raiseOrRefused } from '@tollgate/http';
import type { Plan } from '../plans/plan.js';
import type { PlanVersions } from './plan-versions.js';
import { cancelled, newestCharge, statusOf, withPlan, type Payg, type Subscription } from './subscription.js';
import type { UpdateSubscriptionRequest } from './subscriptions.request.js';

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
 * Pay-as-you-go as a request asks for it. It needs a limit, and a plan that allows it. A raise goes on where the
 * request does not speak of it.
 * @throws {Problem} `invalid_request`
 */
export function paygAsked(
  present: Payg,
  { payg: asked, credit_limit_raise: raise }: Pick<UpdateSubscriptionRequest, 'payg' | 'credit_limit_raise'>,
  isAllowed: boolean,
  now: Date,
): Payg {
  if (asked === undefined && raise === undefined) return present;
  const enabled = asked?.enabled ?? present.enabled;
  const limitNanoUsd = asked?.limit_usd ?? present.limitNanoUsd;
  // A plan that allows none may follow one that did: what is not asked for is not refused.
  if (asked !== undefined && enabled && !isAllowed)
    throw invalid('payg.enabled', 'must be false: the plan allows no pay-as-you-go');
  if (enabled && limitNanoUsd === null) throw invalid('payg.limit_usd', 'must be given where pay-as-you-go is enabled');
  return { enabled, limitNanoUsd, raise: raiseOrRefused(askedRaise(raise, present.raise, limitNanoUsd, now)) };
}

/**
 * The subscription with another plan, where one is named, and other settings. It must be renewed.
 * @throws {Problem} `subscription_ended`, `invalid_request`
 */
export function updated(
  subscription: Subscription,
  plan: Plan | null,
  asked: Pick<UpdateSubscriptionRequest, 'payg' | 'credit_limit_raise'>,
  versions: PlanVersions,
  now: Date,
): Subscription {
  if (statusOf(subscription, now.getTime()) === 'ended') throw new Problem('subscription_ended');
  const planned = plan === null ? subscription : changedPlan(subscription, plan, versions, now);
  const { planId, planVersion } = newestCharge(planned);
  return { ...planned, payg: paygAsked(planned.payg, asked, versions.exactly(planId, planVersion).paygAllowed, now) };
}

function changedPlan(subscription: Subscription, plan: Plan, versions: PlanVersions, now: Date): Subscription {
  // Who has an archived plan may stay with it, and nobody else may come to it.
  if (plan.archivedAt !== null && plan.id !== newestCharge(subscription).planId) throw noSuchPlan();
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

/** The refusal of a plan that nobody can subscribe to. */
export const noSuchPlan = (): Problem => invalid('plan', 'must be the id or the name of a plan');

const invalid = (path: string, message: string): Problem =>
  new Problem('invalid_request', { errors: [{ path, message }] });
