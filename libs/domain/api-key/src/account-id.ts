/* eslint-disable no-restricted-globals -- Date is the calendar here: no function asks it for the time. */
import { cycleOf, type CreditCycle, type CreditReset } from './credit-cycle.js';

/** What an account of the ledger caps. Its id begins with it. */
export const ACCOUNT_KINDS = ['key', 'organization', 'group', 'project', 'grant', 'subscription', 'payg'] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];

/** The account of a key's own limit that never resets. `cycleAccountId` names those of limits that do. */
export function keyAccountId(apiKeyId: string): string {
  return `key:${apiKeyId}`;
}

/** The account that an organisation's limit caps, shared by all its keys. */
export function organizationAccountId(organizationId: string): string {
  return `organization:${organizationId}`;
}

/**
 * The account that a key's own limit caps in a cycle. A limit that never resets has one account for good; each other
 * cycle has its own, so that charges stay where they were reserved.
 *
 * @example
 * cycleAccountId('k', cycleOf('never', 0)); // 'key:k'
 * cycleAccountId('k', cycleOf('daily', Date.UTC(2026, 10, 29, 7))); // 'key:k:daily:2026-11-29'
 */
export function cycleAccountId(apiKeyId: string, cycle: CreditCycle): string {
  return inCycle(keyAccountId(apiKeyId), cycle);
}

/** The account of a limit in a cycle: the limit's own id, with the cycle unless it never resets. */
export function inCycle(limitId: string, { reset, startMs }: CreditCycle): string {
  return reset === 'never' ? limitId : `${limitId}:${reset}:${new Date(startMs).toISOString().slice(0, 10)}`;
}

/** The account of the budget of a group or a project in a cycle. */
export function budgetAccountId(kind: 'group' | 'project', ownerId: string, cycle: CreditCycle): string {
  return inCycle(`${kind}:${ownerId}`, cycle);
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
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}

const CYCLE_IN_ID = /:(daily|weekly|monthly):(\d{4}-\d\d-\d\d)$/;
/** The period in the account of a subscription: two moments in the basic format of ISO 8601. */
const PERIOD_IN_ID = /:(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/**
 * The account of a limit, without its cycle: the reverse of `cycleAccountId`.
 *
 * @example
 * limitOf('key:k:daily:2026-11-29'); // 'key:k'
 * limitOf('organization:o'); // 'organization:o'
 */
export function limitOf(accountId: string): string {
  return accountId.replace(CYCLE_IN_ID, '').replace(PERIOD_IN_ID, '');
}

/**
 * The period that an account is for: the cycle that its id names, else one without bounds.
 *
 * @example
 * cycleOfAccount('key:k:daily:2026-11-29'); // cycleOf('daily', Date.UTC(2026, 10, 29))
 * cycleOfAccount('organization:o'); // cycleOf('never', 0)
 */
export function cycleOfAccount(accountId: string): CreditCycle {
  const [named, reset, day] = CYCLE_IN_ID.exec(accountId) ?? [];
  const startMs = Date.parse(`${day}T00:00:00.000Z`);
  if (named === undefined || Number.isNaN(startMs)) return subscriptionPeriod(accountId) ?? cycleOf('never', 0);
  const cycle = cycleOf(reset as CreditReset, startMs);
  // Date reads the 31st of February as a day of March; no cycle has that name.
  return accountId.endsWith(cycleAccountId('', cycle).slice(keyAccountId('').length)) ? cycle : cycleOf('never', 0);
}

function subscriptionPeriod(accountId: string): CreditCycle | null {
  const [named, ...digits] = PERIOD_IN_ID.exec(accountId) ?? [];
  if (named === undefined) return null;
  const [y = 0, mo = 1, d = 1, h = 0, mi = 0, s = 0, ...end] = digits.map(Number);
  const [ey = 0, emo = 1, ed = 1, eh = 0, emi = 0, es = 0] = end;
  const [startMs, endMs] = [Date.UTC(y, mo - 1, d, h, mi, s), Date.UTC(ey, emo - 1, ed, eh, emi, es)];
  return startMs < endMs ? { reset: 'subscription', startMs, endMs } : null;
}
