import { cycleOfAccount, organizationAccountId, type CreditCycle } from '@tollgate/api-key';
import type { UsageRecorded, UsageRecordedV2 } from '@tollgate/contracts';
import { budgetOwner, type AccountState, type BudgetOwner } from '../account.js';

/** What must be known of a call to tell which accounts count it. An event of version 1 does not say its groups. */
export type CountedCall = Pick<UsageRecorded, 'organizationId' | 'apiKeyId' | 'startedAt' | 'accounts'> &
  Partial<Pick<UsageRecordedV2, 'routeGroupId' | 'otherRouteGroupIds' | 'groupIds' | 'projectId'>>;

type Entry = readonly [accountId: string, state: AccountState];

/** Accounts with a limit, by what the limit is of: of each key, group and project those of the limit it has now. */
export interface AccountsInForce {
  readonly ofOwners: ReadonlyMap<string, readonly Entry[]>;
  readonly organizations: ReadonlySet<string>;
}

/** A change from no limit to a limit, or of its reset, has a higher version than the accounts of before. */
export function accountsInForce(accounts: ReadonlyMap<string, AccountState>): AccountsInForce {
  const ofOwners = new Map<string, Entry[]>();
  const organizations = new Set<string>();
  for (const entry of accounts) {
    const [accountId, { apiKeyId, organizationId, ceilingNanoUsd, generation }] = entry;
    if (ceilingNanoUsd === null) continue;
    if (accountId === organizationAccountId(organizationId)) organizations.add(accountId);
    const owner = apiKeyId === null ? budgetId(accountId) : keyOwner(apiKeyId);
    if (owner === null) continue;
    const known = ofOwners.get(owner);
    const latest = known?.[0]?.[1].generation ?? -1;
    if (generation > latest) ofOwners.set(owner, [entry]);
    else if (generation === latest) known!.push(entry);
  }
  return { ofOwners, organizations };
}

/** The accounts that an event does not name and that count it: its call began before they had a limit. */
export function othersInForce(event: CountedCall, { ofOwners, organizations }: AccountsInForce): string[] {
  const others = inCycle(ofOwners.get(keyOwner(event.apiKeyId)), event.organizationId, countedAtMs(event));
  const owners = ownersOf(event);
  if (owners.length > 0) {
    const at = countedForOwnersAtMs(event);
    for (const { kind, ownerId } of owners)
      others.push(...inCycle(ofOwners.get(`${kind}:${ownerId}`), event.organizationId, at));
  }
  const organization = organizationAccountId(event.organizationId);
  if (organizations.has(organization)) others.push(organization);
  return others.filter((accountId) => event.accounts.every((named) => named.accountId !== accountId));
}

function inCycle(accounts: readonly Entry[] | undefined, ofOrganization: string, at: number): string[] {
  return (accounts ?? [])
    .filter(
      ([, { organizationId, cycle }]) => organizationId === ofOrganization && cycle.startMs <= at && at < cycle.endMs,
    )
    .map(([accountId]) => accountId);
}

/**
 * The groups and the project that an event counts for: those whose budgets it was held on, the groups that opened the
 * route to it (on a route that is open to everyone, all groups of its key), and the project of its key. The roll-up
 * `billing.owner_usage_day` says the same.
 */
export function ownersOf(event: CountedCall): readonly BudgetOwner[] {
  const { routeGroupId = null, otherRouteGroupIds = [], groupIds = null, projectId = null } = event;
  const ids = new Set<string>();
  for (const { accountId } of event.accounts) {
    const budget = budgetId(accountId);
    if (budget !== null) ids.add(budget);
  }
  const openers = routeGroupId === null ? (groupIds ?? []) : [routeGroupId, ...otherRouteGroupIds];
  for (const groupId of openers) ids.add(`group:${groupId}`);
  if (projectId !== null) ids.add(`project:${projectId}`);
  return [...ids].map((id) => {
    const kind = id.startsWith('group:') ? 'group' : 'project';
    return { kind, ownerId: id.slice(kind.length + 1) };
  });
}

/**
 * The groups among these owners: usage by group is of the calls that count in the budget of the group. Null where the
 * event says none.
 */
export function countedGroupIds(event: UsageRecorded): readonly string[] | null {
  const { routeGroupId = null, groupIds = null } = event as Partial<UsageRecordedV2>;
  const isHeld = event.accounts.some(({ accountId }) => accountId.startsWith('group:'));
  if (routeGroupId === null && !isHeld) return groupIds;
  const counted = ownersOf(event).flatMap(({ kind, ownerId }) => (kind === 'group' ? [ownerId] : []));
  // In the order of the key's groups, so that the same groups are the same dimension of the roll-ups.
  const known = (groupIds ?? []).filter((id) => counted.includes(id));
  return [...known, ...counted.filter((id) => !known.includes(id)).sort()];
}

const keyOwner = (apiKeyId: string): string => `key:${apiKeyId}`;

function budgetId(accountId: string): string | null {
  const owner = budgetOwner(accountId);
  return owner === null ? null : `${owner.kind}:${owner.ownerId}`;
}

/**
 * The moment by which a call counts in the cycles of its key: its start, moved into the cycle that its credit was held
 * in, since the clocks of a gateway and of admission may differ. `billing.counted_day` says the same of its day.
 */
export function countedAtMs({ startedAt, accounts: [own] }: Pick<CountedCall, 'startedAt' | 'accounts'>): number {
  return own === undefined ? Date.parse(startedAt) : within(Date.parse(startedAt), [own]);
}

/**
 * The moment by which a call counts in the cycles of budgets: its start, moved into all cycles that its credit was held
 * in. They have the time of admission in common. `billing.owner_day` says the same of its day.
 */
export function countedForOwnersAtMs({ startedAt, accounts }: Pick<CountedCall, 'startedAt' | 'accounts'>): number {
  return within(Date.parse(startedAt), accounts);
}

function within(ms: number, accounts: UsageRecorded['accounts']): number {
  return accounts.reduce((at, { accountId, capNanoUsd }) => {
    if (capNanoUsd === null) return at;
    const { reset, startMs, endMs } = knownCycle(accountId);
    return reset === 'subscription' ? at : Math.max(startMs, Math.min(at, endMs - 1));
  }, ms);
}

/** Cycles that are remembered by the ids of their accounts; beyond that all are read again. */
const CYCLES_MAX = 20_000;
const cycles = new Map<string, CreditCycle>();

/** `cycleOfAccount`, which follows from the id alone, without reading the same ids several times for each event. */
function knownCycle(accountId: string): CreditCycle {
  const known = cycles.get(accountId);
  if (known !== undefined) return known;
  if (cycles.size >= CYCLES_MAX) cycles.clear();
  const cycle = cycleOfAccount(accountId);
  cycles.set(accountId, cycle);
  return cycle;
}
