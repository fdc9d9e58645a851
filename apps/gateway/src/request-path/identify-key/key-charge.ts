import {
  accountsOf,
  grantAccountId,
  groupsThatOpen,
  type ActiveSnapshot,
  type CappedAccount,
  type JoinedAccount,
  type KeyAccounts,
  type OrganizationSnapshot,
  type SnapshotGrant,
} from '@tollgate/api-key';
import { creditItemsOf, isGoverned, type CappedItem, type GrantItem, type HeldPart } from '@tollgate/credit';
import type { Route } from '../choose-route/route-table.js';
import { keyPart } from '../event-parts.js';

/** What a key's calls on a route are charged to, and what their events say of the key. It may be shared by routes. */
export interface KeyCharge {
  /** Accounts with a cap that take the whole charge; empty where no such limit applies. */
  readonly accounts: readonly CappedItem[];
  /** Accounts of which one takes the whole charge, as admission chooses. Undefined for none. */
  readonly either: readonly CappedItem[] | undefined;
  /** Prepaid credit; undefined for an organisation that pays afterwards. */
  readonly grants: readonly GrantItem[] | undefined;
  /** Whether any of these can refuse a call. */
  readonly isCapped: boolean;
  /** The first group that opened the route to the key; null on a route that is open to everyone. */
  readonly routeGroupId: string | null;
  /** The other groups that opened it; undefined for none. */
  readonly otherRouteGroupIds: readonly string[] | undefined;
  /** The key's part of each usage event (JSON fields), where it is the same for all calls. */
  readonly eventPart: string;
  /** The texts that the part is made of where admission chooses what a call is charged to; null elsewhere. */
  readonly chosen: ChosenTexts | null;
}

/** The key's part of an event in pieces. */
interface ChosenTexts {
  /** Up to the last account that takes each charge, and from the end of the list on. */
  readonly start: string;
  readonly end: string;
  /** JSON of each other account, by its id; that of a grant lacks what is held, and its closing brace. */
  readonly either: ReadonlyMap<string, string>;
  readonly grants: ReadonlyMap<string, string>;
}

/** What admission chose for a call of the accounts that a `KeyCharge` leaves open. */
export interface Held {
  readonly either?: string;
  readonly parts?: readonly HeldPart[];
}

/** What the charges of a key follow from. */
interface Joined {
  readonly snapshot: ActiveSnapshot;
  readonly organization: OrganizationSnapshot | null;
  readonly secretId: string;
  /** The moment for whose cycles it is joined, in milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * The charges of a key for a moment: on routes that are open to everyone, where the budgets of all its groups apply,
 * and on each route that its groups open, where only theirs do.
 */
export class KeyCharges {
  readonly onOpenRoutes: KeyCharge;
  /**
   * The period in which all accounts are those of the present cycle, in milliseconds since 1970; null for a key whose
   * accounts are for good.
   */
  readonly period: Period | null;
  readonly #accounts: KeyAccounts;
  /** Made when a route is used first; there are at most as many as the groups of the key open. */
  readonly #onClosedRoutes = new Map<string, KeyCharge>();

  constructor(private readonly joined: Joined) {
    const { snapshot, organization, nowMs } = joined;
    this.#accounts = accountsOf(snapshot, organization, nowMs);
    this.onOpenRoutes = chargeOf(joined, this.#accounts, []);
    // The accounts on all other routes are among these.
    this.period = periodOf([...this.#accounts.whole, ...this.#accounts.either]);
  }

  /** The charge on a route that the key may use. */
  on({ access, name }: Pick<Route, 'access' | 'name'>): KeyCharge {
    if (access === 'everyone') return this.onOpenRoutes;
    const known = this.#onClosedRoutes.get(name);
    if (known !== undefined) return known;
    const { snapshot, organization, nowMs } = this.joined;
    const groupIds = groupsThatOpen(snapshot, organization, name);
    const hasBudgets = organization?.budgets !== undefined && organization.budgets.length > 0;
    const accounts = hasBudgets ? accountsOf(snapshot, organization, nowMs, groupIds) : this.#accounts;
    const charge = chargeOf(this.joined, accounts, groupIds);
    this.#onClosedRoutes.set(name, charge);
    return charge;
  }
}

interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

/** Whether `nowMs` (milliseconds since 1970) lies in a period; true without one. */
export function isWithin(period: Period | null, nowMs: number): boolean {
  return period === null || (nowMs >= period.startMs && nowMs < period.endMs);
}

function periodOf(accounts: readonly JoinedAccount[]): Period | null {
  const cycles = accounts.flatMap(({ cycle }) => (cycle === null ? [] : [cycle]));
  if (cycles.length === 0) return null;
  return {
    startMs: Math.max(...cycles.map(({ startMs }) => startMs)),
    endMs: Math.min(...cycles.map(({ endMs }) => endMs)),
  };
}

function chargeOf(joined: Joined, { whole, either, grants }: KeyAccounts, openers: readonly string[]): KeyCharge {
  const items = creditItemsOf({ whole, either, grants });
  const accounts = whole.map(accountOf);
  const eventPart = eventPartOf(joined, accounts);
  const isChosen = items.either !== undefined || items.grants !== undefined;
  return {
    ...items,
    isCapped: isGoverned(items),
    routeGroupId: openers[0] ?? null,
    otherRouteGroupIds: openers.length > 1 ? openers.slice(1) : undefined,
    eventPart,
    chosen: isChosen ? chosenTexts(eventPart, accounts, either, grants ?? []) : null,
  };
}

/**
 * An account as events name it: with the highest cap under which admission may admit a call. Whether a raise counts is
 * decided by admission's clock, and the ledger charges nothing beyond the cap that an event names.
 */
function accountOf({ accountId, capNanoUsd, raise }: JoinedAccount): CappedAccount {
  return { accountId, capNanoUsd: raise?.capNanoUsd ?? capNanoUsd };
}

function eventPartOf({ snapshot, secretId }: Joined, accounts: readonly CappedAccount[]): string {
  const { organizationId, apiKeyId, projectId = null, memberId = null, groups = [] } = snapshot;
  return keyPart({
    organizationId,
    apiKeyId,
    accounts,
    secretId,
    projectId,
    memberId,
    groupIds: groups.length === 0 ? null : groups,
  });
}

function chosenTexts(
  eventPart: string,
  accounts: readonly CappedAccount[],
  either: readonly JoinedAccount[],
  grants: readonly SnapshotGrant[],
): ChosenTexts {
  const list = JSON.stringify(accounts);
  const at = eventPart.indexOf(list) + list.length - 1;
  return {
    start: eventPart.slice(0, at),
    end: eventPart.slice(at),
    either: new Map(either.map((account) => [account.accountId, `,${JSON.stringify(accountOf(account))}`])),
    grants: new Map(
      grants.map(({ grantId, amountNanoUsd: capNanoUsd }) => {
        const accountId = grantAccountId(grantId);
        return [accountId, `,${JSON.stringify({ accountId, capNanoUsd }).slice(0, -1)}`];
      }),
    ),
  };
}

/** The key's part of the event of a call, with the accounts that admission chose for it. */
export function eventPartWith({ eventPart, chosen }: KeyCharge, { either, parts = [] }: Held): string {
  if (chosen === null) return eventPart;
  let text = chosen.start;
  if (either !== undefined) text += chosen.either.get(either) ?? '';
  for (const { accountId, amountNanoUsd } of parts)
    text += `${chosen.grants.get(accountId) ?? ''},"heldNanoUsd":"${amountNanoUsd}"}`;
  return text + chosen.end;
}
