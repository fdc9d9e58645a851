import { cycleAccountIdOf, type CreditCycle } from './credit-cycle.js';

/** What an account of the ledger caps. Its id begins with it. */
export const ACCOUNT_KINDS = ['key', 'organization', 'group', 'project', 'grant', 'subscription', 'payg'] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];

/** The account of the budget of a group or a project in a cycle. */
export function budgetAccountId(kind: 'group' | 'project', ownerId: string, cycle: CreditCycle): string {
  return cycleAccountIdOf(`${kind}:${ownerId}`, cycle);
}

/** The account of a grant. What is posted to it is spent of it. */
export function grantAccountId(grantId: string): string {
  return `grant:${grantId}`;
}

/** The period of a subscription's cycle, in milliseconds since 1970: whole seconds. */
interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The account of a subscription's quota in a cycle.
 *
 * @example
 * subscriptionAccountId('s', { startMs: Date.UTC(2026, 10, 29, 23, 30), endMs: Date.UTC(2026, 11, 29, 23, 30) });
 * // 'subscription:s:20261129T233000Z-20261229T233000Z'
 */
export function subscriptionAccountId(subscriptionId: string, period: Period): string {
  return `subscription:${subscriptionId}:${secondText(period.startMs)}-${secondText(period.endMs)}`;
}

/** The account of what a subscription spends beyond its quota in a cycle. */
export function paygAccountId(subscriptionId: string, period: Period): string {
  return `payg:${subscriptionId}:${secondText(period.startMs)}-${secondText(period.endMs)}`;
}

/** What an account caps, by its id; null for an id of another form. */
export function kindOfAccount(accountId: string): AccountKind | null {
  const kind = accountId.slice(0, Math.max(0, accountId.indexOf(':')));
  return (ACCOUNT_KINDS as readonly string[]).includes(kind) ? (kind as AccountKind) : null;
}

/** A moment in the basic format of ISO 8601, to the second: `20261129T233000Z`. */
function secondText(ms: number): string {
  // eslint-disable-next-line no-restricted-globals -- Date is the calendar here
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}
