import { Injectable } from '@nestjs/common';
import { paygAccountId, subscriptionAccountId } from '@tollgate/api-key';
import type { ApiKeyStatus, KeySubscriptionCycle } from '@tollgate/contracts';
import { formatUsd, remainingOf, type AccountBalance } from '@tollgate/credit';
import { creditLimitRaiseObject, raisedLimit } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AccountBalances } from '../balances/account-balances.js';
import { groupedBy } from '../grouped-by.js';
import { ChangeSubscription } from './change-subscription.js';
import type { PlanVersions } from './plan-versions.js';
import { newestCharge, renewed, statusOf, type CycleCharge, type Subscription } from './subscription.js';
import { isUndone, type StoredSubscription } from './subscription-row.js';
import type { SubscriptionKeys } from './subscription-keys.js';
import { SubscriptionStore, type ListedSubscription } from './subscription-store.js';
import type { DetailedSubscriptionObject, PeriodObject, SubscriptionObject } from './subscription.reply.js';

/** How many cycles a subscription is shown with. */
const PERIODS_SHOWN = 24;

interface ChargeRow {
  number: number;
  sequence: number;
  at: Date;
  starts_at: Date;
  ends_at: Date;
  plan_id: string;
  plan_name: string;
  quota_nano_usd: string;
  amount_nano_usd: string;
}

/** Indexes: subscription_charge_pk, subscription_id_unique, plan_pk. */
const CHARGES = `SELECT c.number, c.sequence, c.at, c.starts_at, c.ends_at, c.plan_id, p.name AS plan_name, c.quota_nano_usd, c.amount_nano_usd
  FROM billing.subscription_charge AS c JOIN billing.plan AS p ON p.id = c.plan_id
    JOIN billing.subscription AS s ON s.organization_id = c.organization_id AND s.id = c.subscription_id
  WHERE c.organization_id = $1 AND c.subscription_id = $2 AND ${isUndone('c', 's.owner_ended_at')} IS NOT TRUE AND c.number > (
    SELECT max(last.number) - $3 FROM billing.subscription_charge AS last
    WHERE last.organization_id = $1 AND last.subscription_id = $2 AND ${isUndone('last', 's.owner_ended_at')} IS NOT TRUE)
  ORDER BY c.number DESC, c.sequence`;

/** The name of a plan that follows. Index: plan_pk. */
const NAMES = 'SELECT id, name FROM billing.plan WHERE id = ANY($1::uuid[])';

type KeyStatuses = Pick<SubscriptionKeys, 'statuses'>;

/** What is charged to an account, and what calls in flight hold on it. */
type BalanceOf = (accountId: string) => AccountBalance;

const UNUSED: AccountBalance = { postedNanoUsd: 0n, heldNanoUsd: 0n };

/** Shows subscriptions as they are by the clock, whether or not their cycles were noticed yet. */
@Injectable()
export class ShowSubscriptions {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: SubscriptionStore,
    private readonly change: ChangeSubscription,
    private readonly balances: AccountBalances,
  ) {}

  /**
   * The views of subscriptions of one organisation, in their order. `keys` says what their keys are. It is not
   * injected: in one process key-management, which it asks, is made of services that ask this class.
   */
  async all(
    organizationId: string,
    listed: readonly ListedSubscription[],
    keys: KeyStatuses,
    now: Date,
  ): Promise<SubscriptionObject[]> {
    if (listed.length === 0) return [];
    const stored = listed.map((each) => each.stored);
    const { current, versions, balanceOf } = await this.present(organizationId, stored, now);
    const keyIds = current.map(({ subscription }) => subscription.apiKeyId);
    const statuses = await keys.statuses(organizationId, keyIds);
    return current.map((each) => subscriptionObject(each, versions, balanceOf, statuses, now));
  }

  /** The present cycle of the subscription of a key, by the clock; null for a key of none. */
  async ofKey(organizationId: string, apiKeyId: string, now: Date): Promise<KeySubscriptionCycle | null> {
    const found = await this.store.findOfKey(organizationId, apiKeyId);
    if (found === null) return null;
    const { current, versions, balanceOf } = await this.present(organizationId, [found], now);
    return keyCycleOf(current[0] ?? found, versions, balanceOf, now);
  }

  /** What may be spent in the present cycles of subscriptions, in nano-USD, by their accounts; null is unlimited. */
  async caps(organizationId: string, ids: readonly string[], now: Date): Promise<ReadonlyMap<string, bigint | null>> {
    const stored = await this.store.several(organizationId, ids);
    if (stored.length === 0) return new Map();
    const { current } = await this.present(organizationId, stored, now);
    return new Map(
      current.flatMap(({ subscription: { id, charges, payg } }) => {
        const cycle = newestCharge({ charges });
        const accounts = accountsOf(id, cycle);
        return [
          [accounts.quota, cycle.quotaNanoUsd] as const,
          [accounts.payg, raisedLimit(payg.limitNanoUsd, payg.raise, now)] as const,
        ];
      }),
    );
  }

  /**
   * One whose key was made in this transaction. `balanceOf` says what is used, as `used` has found it out before;
   * nothing is of a new subscription.
   */
  async made(
    manager: EntityManager,
    stored: StoredSubscription,
    now: Date,
    balanceOf: BalanceOf = () => UNUSED,
  ): Promise<DetailedSubscriptionObject> {
    const { organizationId, id, apiKeyId } = stored.subscription;
    const versions = await this.change.versionsOf(manager, [stored]);
    const statuses = new Map([[apiKeyId, 'active' as const]]);
    const rows = await manager.query<ChargeRow[]>(CHARGES, [organizationId, id, PERIODS_SHOWN]);
    return { ...subscriptionObject(stored, versions, balanceOf, statuses, now), periods: periodsOf(rows) };
  }

  /** What is used of the newest cycle of a subscription. Never ask for it inside a transaction. */
  used({ subscription: { organizationId, id, charges } }: StoredSubscription): Promise<BalanceOf> {
    return this.balances.of(organizationId, Object.values(accountsOf(id, newestCharge({ charges }))));
  }

  /** The subscriptions with the cycles that have begun, and the balances of the accounts of the present ones. */
  private async present(organizationId: string, stored: readonly StoredSubscription[], now: Date) {
    const { versions, names } = await this.database.inOrganization(organizationId, async (manager) => {
      const found = await this.change.versionsOf(manager, stored);
      const ids = stored.flatMap(({ subscription }) => subscription.nextPlanId ?? newestCharge(subscription).planId);
      const rows = await manager.query<{ id: string; name: string }[]>(NAMES, [ids]);
      return { versions: found, names: new Map(rows.map(({ id, name }) => [id, name])) };
    });
    const current = stored.map((each) => atPresent(each, versions, names, now));
    const accounts = current.flatMap(({ subscription }) =>
      Object.values(accountsOf(subscription.id, newestCharge(subscription))),
    );
    return { current, versions, balanceOf: await this.balances.of(organizationId, accounts) };
  }

  /** One with its cycles. Those that have begun are charged first. */
  async detailed(
    organizationId: string,
    stored: StoredSubscription,
    keys: KeyStatuses,
    now: Date,
  ): Promise<DetailedSubscriptionObject> {
    const { id } = stored.subscription;
    const upToDate = await this.change.execute(organizationId, id, now, null, (subscription) => subscription);
    const listed = { stored: upToDate ?? stored, position: ['', id] as const };
    const [shown] = await this.all(organizationId, [listed], keys, now);
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<ChargeRow[]>(CHARGES, [organizationId, id, PERIODS_SHOWN]),
    );
    if (shown === undefined) throw new Error('a subscription that is there is not shown');
    return { ...shown, periods: periodsOf(rows) };
  }
}

/** A stored subscription with the cycles that have begun, and the name of the plan that counts now. */
function atPresent(
  stored: StoredSubscription,
  versions: PlanVersions,
  names: ReadonlyMap<string, string>,
  now: Date,
): StoredSubscription {
  const subscription = renewed(stored.subscription, versions.at, now.getTime());
  if (subscription === stored.subscription) return stored;
  const planName = names.get(newestCharge(subscription).planId) ?? stored.planName;
  return { ...stored, subscription, planName, nextPlanName: null };
}

const accountsOf = (id: string, cycle: CycleCharge) => ({
  quota: subscriptionAccountId(id, cycle),
  payg: paygAccountId(id, cycle),
});

function subscriptionObject(
  { subscription, planName, nextPlanName, maskedKey, createdAt }: StoredSubscription,
  versions: PlanVersions,
  balanceOf: BalanceOf,
  statuses: ReadonlyMap<string, ApiKeyStatus>,
  now: Date,
): SubscriptionObject {
  const { id, payg } = subscription;
  const { cycle, ofQuota, ofPayg, paygEnabled } = useOf(subscription, versions, balanceOf);
  const paygCap = raisedLimit(payg.limitNanoUsd, payg.raise, now);
  return {
    object: 'subscription',
    id,
    organization_id: subscription.organizationId,
    member_id: subscription.memberId,
    plan: planName,
    plan_id: cycle.planId,
    next_plan: nextPlanName,
    status: statusOf(subscription, now.getTime()),
    anchor: momentOf(subscription.anchorMs),
    ends_at: subscription.endsAtMs === null ? null : momentOf(subscription.endsAtMs),
    current_period: { number: cycle.number, starts_at: momentOf(cycle.startMs), ends_at: momentOf(cycle.endMs) },
    quota: {
      included_usd: formatUsd(cycle.quotaNanoUsd),
      used_usd: formatUsd(ofQuota.postedNanoUsd),
      remaining_usd: formatUsd(remainingOf(cycle.quotaNanoUsd, ofQuota)),
    },
    payg: {
      enabled: paygEnabled,
      limit_usd: payg.limitNanoUsd === null ? null : formatUsd(payg.limitNanoUsd),
      used_usd: formatUsd(ofPayg.postedNanoUsd),
      remaining_usd: paygCap === null ? null : formatUsd(remainingOf(paygCap, ofPayg)),
      credit_limit_raise: creditLimitRaiseObject(payg.raise, now),
    },
    api_key: {
      id: subscription.apiKeyId,
      masked_key: maskedKey,
      status: statuses.get(subscription.apiKeyId) ?? null,
    },
    created_at: createdAt.toISOString(),
  };
}

/** The present cycle of a renewed subscription, with what is used of its quota and beyond. */
function useOf({ id, payg, charges }: Subscription, versions: PlanVersions, balanceOf: BalanceOf) {
  const cycle = newestCharge({ charges });
  const accounts = accountsOf(id, cycle);
  const { paygAllowed } = versions.exactly(cycle.planId, cycle.planVersion);
  return {
    cycle,
    ofQuota: balanceOf(accounts.quota),
    ofPayg: balanceOf(accounts.payg),
    paygEnabled: payg.enabled && paygAllowed,
  };
}

function keyCycleOf(
  { subscription, planName }: StoredSubscription,
  versions: PlanVersions,
  balanceOf: BalanceOf,
  now: Date,
): KeySubscriptionCycle {
  const { cycle, ofQuota, ofPayg, paygEnabled } = useOf(subscription, versions, balanceOf);
  const { limitNanoUsd, raise } = subscription.payg;
  const paygCap = raisedLimit(limitNanoUsd, raise, now);
  return {
    plan: planName,
    status: statusOf(subscription, now.getTime()),
    startsAt: momentOf(cycle.startMs),
    endsAt: momentOf(cycle.endMs),
    quotaNanoUsd: cycle.quotaNanoUsd.toString(),
    quotaUsedNanoUsd: ofQuota.postedNanoUsd.toString(),
    quotaHeldNanoUsd: ofQuota.heldNanoUsd.toString(),
    paygCapNanoUsd: paygEnabled && paygCap !== null ? paygCap.toString() : null,
    paygUsedNanoUsd: ofPayg.postedNanoUsd.toString(),
    paygHeldNanoUsd: ofPayg.heldNanoUsd.toString(),
  };
}

/** The cycles in rows that are sorted by cycle. */
function periodsOf(rows: readonly ChargeRow[]): PeriodObject[] {
  return [...groupedBy(rows, ({ number }) => number)].map(([number, charges]) => {
    const newest = charges.at(-1)!;
    return {
      number,
      starts_at: newest.starts_at.toISOString(),
      ends_at: newest.ends_at.toISOString(),
      included_usd: formatUsd(BigInt(newest.quota_nano_usd)),
      fee_usd: formatUsd(charges.reduce((sum, { amount_nano_usd: amount }) => sum + BigInt(amount), 0n)),
      charges: charges.map((charge) => ({
        at: charge.at.toISOString(),
        kind: charge.sequence === 0 ? ('cycle' as const) : ('upgrade' as const),
        plan: charge.plan_name,
        plan_id: charge.plan_id,
        amount_usd: formatUsd(BigInt(charge.amount_nano_usd)),
      })),
    };
  });
}

const momentOf = (ms: number): string => new Date(ms).toISOString();
