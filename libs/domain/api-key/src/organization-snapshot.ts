import { budgetAccountId, paygAccountId, subscriptionAccountId } from './account-id.js';
import { cycleAccountId, cycleOf, type CreditCycle } from './credit-cycle.js';
import {
  keyAccountId,
  organizationAccountId,
  type ActiveSnapshot,
  type CappedAccount,
  type CreditReset,
} from './snapshot.js';
import { subscriptionCycleAt } from './subscription-cycle.js';

/**
 * The state of an organisation that gateways need, for all its keys. It is one record for any number of keys: a change
 * of the cap writes this record and no key's snapshot.
 */
export interface OrganizationSnapshot {
  readonly organizationId: string;
  /** Grows by one with each change of the organisation; the higher one wins. */
  readonly version: number;
  /**
   * A deleted organisation stays deleted, and all its keys are refused. A gateway also refuses them for a state that it
   * does not know, for example of a later release: `extended` is one that has rules which the release before 2026-12
   * does not know; `billed` has budgets, grants, a mark-up or prices, which the release after that does not know.
   */
  readonly state: 'active' | 'extended' | 'billed' | 'deleted';
  /** The most that all its keys together may spend (a decimal string of 1e-9 USD); null is unlimited. */
  readonly capNanoUsd: string | null;
  /** Admission must have loaded the organisation's account for this version of it, or a later one; 0 needs none. */
  readonly capGeneration?: number;
  /** The names of the routes that each of its groups opens, by the group's id; absent for none. */
  readonly groupRoutes?: Readonly<Record<string, readonly string[]>>;
  /** What may be spent beyond the cap until a moment; absent for nothing. */
  readonly capRaise?: CapRaise;
  /** Budgets of its groups and projects; absent for none. */
  readonly budgets?: readonly SnapshotBudget[];
  /** Its prepaid credit, in the order in which it is spent. Absent: it pays afterwards. Empty: it has no credit. */
  readonly grants?: readonly SnapshotGrant[];
  /** What is added to the cost of each call, in millionths of it: 50,000 is 5 %. Absent for nothing. */
  readonly markupMillionths?: number;
}

/** More than a cap for a time. It ends by the clock of admission. */
export interface CapRaise {
  /** Added to the cap (a decimal string of 1e-9 USD). */
  readonly amountNanoUsd: string;
  /** The first moment without it, in milliseconds since 1970. */
  readonly untilMs: number;
}

/** What the keys of a group or of a project may spend together in each cycle. */
export interface SnapshotBudget {
  readonly kind: 'group' | 'project';
  /** The id of the group or the project. */
  readonly ownerId: string;
  readonly capNanoUsd: string;
  readonly reset: CreditReset;
  /** Admission must have loaded its account for this version of it, or a later one; 0 needs none. */
  readonly generation: number;
  readonly raise?: CapRaise;
}

/** Prepaid credit. A call holds credit on grants in their order, passing over those that have expired. */
export interface SnapshotGrant {
  readonly grantId: string;
  readonly amountNanoUsd: string;
  /** Milliseconds since 1970; null never expires. */
  readonly expiresAtMs: number | null;
}

/** An account of a key at a moment. */
export interface JoinedAccount extends CappedAccount {
  /** Admission must have loaded it for this version of the limit that it belongs to; 0 needs none. */
  readonly generation: number;
  /** The cycle of its limit that it belongs to; null for an account that is for good. */
  readonly cycle: CreditCycle | null;
  /** A higher cap until a moment: the whole cap, and the first moment without it. Absent for none. */
  readonly raise?: { readonly capNanoUsd: string; readonly untilMs: number };
}

/** All that a key's calls on some routes are charged to at a moment. */
export interface KeyAccounts {
  /** Those that take the whole of each charge: the key's own first, which may have no cap. */
  readonly whole: readonly JoinedAccount[];
  /** Those of which one takes the whole of a charge: a subscription's quota, then its pay-as-you-go. */
  readonly either: readonly JoinedAccount[];
  /** Prepaid credit, in the order in which it is spent; null for an organisation that pays afterwards. */
  readonly grants: readonly SnapshotGrant[] | null;
}

/** A raise stays with its account this long after its end, for clocks that differ from that of admission. */
const RAISE_KEPT_MS = 600_000;

/**
 * The accounts to which a key's spending at `nowMs` (milliseconds since 1970) is charged, its own first: that of the
 * cycle of its limit, if it has a limit and that resets. `organization` is the snapshot of the key's organisation. It
 * is null if none was ever written, as by releases before 2026-12; then the copy in the key's snapshot is used.
 * `groupIds` are the groups whose budgets apply: those that open the route, or all groups of the key on a route that is
 * open to everyone. An account is named once, however often its group is.
 *
 * @example
 * accountsOf(key, { organizationId: 'o', version: 2, state: 'active', capNanoUsd: '5' }, Date.UTC(2026, 10, 29)).whole;
 * // [{ accountId: 'key:k:daily:2026-11-29', capNanoUsd: '3', generation: 0, cycle: { reset: 'daily', … } },
 * //   { accountId: 'organization:o', capNanoUsd: '5', generation: 0, cycle: null }]
 */
export function accountsOf(
  key: ActiveSnapshot,
  organization: OrganizationSnapshot | null,
  nowMs: number,
  groupIds: readonly string[] = key.groups ?? [],
): KeyAccounts {
  const own = key.accounts.map((account) => ownAccount(key, account, nowMs));
  const either = subscriptionAccounts(key, nowMs);
  if (organization === null) return { whole: own, either, grants: null };
  const ofOrganization = organizationAccountId(key.organizationId);
  const { capNanoUsd, capGeneration = 0, capRaise, budgets = [], grants = null } = organization;
  const whole = own.filter(({ accountId }) => accountId !== ofOrganization);
  if (capNanoUsd !== null)
    whole.push({
      accountId: ofOrganization,
      capNanoUsd,
      generation: capGeneration,
      cycle: null,
      ...raised(capNanoUsd, capRaise, nowMs),
    });
  for (const budget of budgets) {
    const applies = budget.kind === 'project' ? budget.ownerId === key.projectId : groupIds.includes(budget.ownerId);
    if (applies) whole.push(budgetAccount(budget, nowMs));
  }
  return { whole, either, grants };
}

/** The groups of a key that open a route to it, in the key's order. */
export function groupsThatOpen(
  { groups = [] }: Pick<ActiveSnapshot, 'groups'>,
  organization: Pick<OrganizationSnapshot, 'groupRoutes'> | null,
  route: string,
): readonly string[] {
  const groupRoutes = organization?.groupRoutes ?? {};
  return groups.filter((group) => Object.hasOwn(groupRoutes, group) && groupRoutes[group]!.includes(route));
}

/** The account of the key's own limit in its present cycle; other accounts, and one without a limit, as they are. */
function ownAccount(key: ActiveSnapshot, account: CappedAccount, nowMs: number): JoinedAccount {
  const { apiKeyId, creditReset = 'never', creditGeneration = 0, creditRaise } = key;
  if (account.capNanoUsd === null || account.accountId !== keyAccountId(apiKeyId))
    return { ...account, generation: 0, cycle: null };
  const raise = raised(account.capNanoUsd, creditRaise, nowMs);
  if (creditReset === 'never') return { ...account, generation: creditGeneration, cycle: null, ...raise };
  const cycle = cycleOf(creditReset, nowMs);
  const accountId = cycleAccountId(apiKeyId, cycle);
  return { ...account, accountId, generation: creditGeneration, cycle, ...raise };
}

function budgetAccount(budget: SnapshotBudget, nowMs: number): JoinedAccount {
  const { kind, ownerId, capNanoUsd, reset, generation, raise } = budget;
  const cycle = cycleOf(reset, nowMs);
  return {
    accountId: budgetAccountId(kind, ownerId, cycle),
    capNanoUsd,
    generation,
    cycle: reset === 'never' ? null : cycle,
    ...raised(capNanoUsd, raise, nowMs),
  };
}

/** The accounts of a subscription's present cycle: its quota, and what it may spend beyond that, if anything. */
function subscriptionAccounts({ subscription }: ActiveSnapshot, nowMs: number): readonly JoinedAccount[] {
  if (subscription === undefined) return [];
  const { subscriptionId, anchorMs, quotas, payg } = subscription;
  const { number, startMs, endMs } = subscriptionCycleAt(anchorMs, nowMs);
  // The clock of admission may be behind that by which the subscription began.
  const cycle: CreditCycle = { reset: 'subscription', startMs: number === 0 ? 0 : startMs, endMs };
  const [first, ...later] = quotas;
  const { quotaNanoUsd = '0' } = later.findLast(({ fromMs }) => fromMs <= startMs) ?? first ?? {};
  const period = { startMs, endMs };
  const common = { generation: 0, cycle };
  const quota = { accountId: subscriptionAccountId(subscriptionId, period), capNanoUsd: quotaNanoUsd, ...common };
  if (payg === null) return [quota];
  return [quota, { accountId: paygAccountId(subscriptionId, period), capNanoUsd: payg.capNanoUsd, ...common }];
}

function raised(
  capNanoUsd: string,
  raise: CapRaise | undefined,
  nowMs: number,
): Pick<JoinedAccount, 'raise'> | undefined {
  if (raise === undefined || raise.untilMs + RAISE_KEPT_MS <= nowMs) return undefined;
  const { amountNanoUsd, untilMs } = raise;
  return { raise: { capNanoUsd: (BigInt(capNanoUsd) + BigInt(amountNanoUsd)).toString(), untilMs } };
}
