import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords } from '../audit/audit-records.js';
import { PlanStore } from '../plans/plan-store.js';
import type { Plan } from '../plans/plan.js';
import { PlanVersions } from './plan-versions.js';
import { subscriptionChange, type SubscriptionAct } from './subscription-audit.js';
import { chargeBefore, endedWith, newestCharge, renewed, type Subscription } from './subscription.js';
import { addDeliveries } from '../webhooks/deliver-webhooks/delivery-store.js';
import { subscriptionNotices } from './subscription-notices.js';
import type { StoredSubscription } from './subscription-row.js';
import { SubscriptionStore } from './subscription-store.js';
import { isSameTerms, termsOf } from './subscription-terms.js';

/** What becomes of a subscription that is locked and renewed. What it throws undoes the whole transaction. */
export type DecideSubscription = (subscription: Subscription, versions: PlanVersions) => Subscription;

/**
 * Changes subscriptions one after the other, each under a lock. All cycles that have begun by then are charged first,
 * so that no change falls into a cycle that nobody has noticed; and none that would begin after the end of the
 * organisation, whoever looks at the subscription then. One that is charged already is given back.
 */
@Injectable()
export class ChangeSubscription {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly plans: PlanStore,
    private readonly store: SubscriptionStore,
    private readonly audit: AuditRecords,
  ) {}

  /**
   * Resolves with the subscription as it is now; null if the organisation has none of this id. `act` is who does what;
   * null where only time goes by. `further` are plans that `decide` needs the versions of besides its own.
   */
  execute(
    organizationId: string,
    id: string,
    now: Date,
    act: SubscriptionAct | null,
    decide: DecideSubscription,
    further: readonly Pick<Plan, 'id'>[] = [],
  ): Promise<StoredSubscription | null> {
    return this.change(organizationId, id, now, act, decide, further, null);
  }

  /**
   * Ends a subscription for good with whom it is for: with a member at the moment of their removal, or with the
   * organisation (null) at its own end. Cycles that would have begun from then on are none.
   */
  async end(organizationId: string, id: string, memberEnd: Date | null, now: Date): Promise<void> {
    await this.change(organizationId, id, now, null, (subscription) => subscription, [], memberEnd?.getTime() ?? null);
  }

  private async change(
    organizationId: string,
    id: string,
    now: Date,
    act: SubscriptionAct | null,
    decide: DecideSubscription,
    further: readonly Pick<Plan, 'id'>[],
    memberEndMs: number | null,
  ): Promise<StoredSubscription | null> {
    const changed = await this.database.inOrganization(organizationId, async (manager) => {
      const endMs = earliest(await this.store.organizationEnd(manager, organizationId), memberEndMs);
      const before = await this.store.lockSince(manager, organizationId, id, endMs);
      if (before === null) return null;
      const versions = await this.versionsOf(manager, [before], further);
      const ended = endedWith(before.subscription, endMs);
      const current = renewed(ended, versions.at, now.getTime());
      const decided = decide(current, versions);
      const isSame =
        isDeepStrictEqual(decided, before.subscription) && isSameTerms(before.told, termsNow(decided, versions));
      const after = isSame ? decided : { ...decided, version: before.subscription.version + 1 };
      await this.store.save(manager, before, after, termsNow(after, versions), now);
      const stored = await this.store.findIn(manager, organizationId, id);
      if (stored === null) return null;
      await addDeliveries(manager, subscriptionNotices(before, stored, now.getTime()), now);
      if (act !== null && !isDeepStrictEqual(decided, current)) {
        const { planName, nextPlanName } = stored;
        const details = { plan: planName, next_plan: nextPlanName };
        await this.audit.add(manager, subscriptionChange(act, current, after, details));
      }
      return stored;
    });
    this.store.announced();
    return changed;
  }

  /** The versions of the plans of subscriptions, and of further ones, in the caller's transaction. */
  async versionsOf(
    manager: EntityManager,
    stored: readonly StoredSubscription[],
    further: readonly Pick<Plan, 'id'>[] = [],
  ): Promise<PlanVersions> {
    const ids = stored.flatMap(({ subscription: { charges, nextPlanId } }) => [
      ...charges.map(({ planId }) => planId),
      ...(nextPlanId === null ? [] : [nextPlanId]),
    ]);
    return new PlanVersions(await this.plans.versions(manager, [...new Set([...ids, ...further.map(({ id }) => id)])]));
  }
}

/** The earlier of two moments; null is none. */
const earliest = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.min(one, other);

/** What the key is told of a subscription that is renewed. */
export function termsNow(subscription: Subscription, versions: PlanVersions) {
  const before = chargeBefore(subscription);
  const { planId, planVersion } = newestCharge(subscription);
  return termsOf(subscription, {
    before: before && versions.exactly(before.planId, before.planVersion),
    present: versions.exactly(planId, planVersion),
    next: versions.newest(subscription.nextPlanId ?? planId),
  });
}
