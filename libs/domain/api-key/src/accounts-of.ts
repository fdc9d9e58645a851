import {
  budgetAccountId,
  cycleAccountId,
  keyAccountId,
  organizationAccountId,
  paygAccountId,
  subscriptionAccountId,
} from './account-id.js';
import { cycleOf, type CreditCycle } from './credit-cycle.js';
import type { OrganizationSnapshot, SnapshotBudget, SnapshotGrant } from './organization-snapshot.js';
import type { ActiveSnapshot, CappedAccount, CapRaise } from './snapshot.js';
import { subscriptionTermsAt } from './subscription-cycle-terms.js';

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
  const { subscriptionId } = subscription;
  const { number, startMs, endMs, quotaNanoUsd, payg } = subscriptionTermsAt(subscription, nowMs);
  // The clock of admission may be behind that by which the subscription began.
  const cycle: CreditCycle = { reset: 'subscription', startMs: number === 0 ? 0 : startMs, endMs };
  const period = { startMs, endMs };
  const common = { generation: 0, cycle };
  const quota = { accountId: subscriptionAccountId(subscriptionId, period), capNanoUsd: quotaNanoUsd, ...common };
  if (payg === null) return [quota];
  const { capNanoUsd, raise } = payg;
  const paid = { accountId: paygAccountId(subscriptionId, period), capNanoUsd, ...common };
  return [quota, { ...paid, ...raised(capNanoUsd, raise, nowMs) }];
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
