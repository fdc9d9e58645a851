import { cycleOfAccount, organizationAccountId } from '@tollgate/api-key';
import type { UsageRecorded, UsageRecordedV2 } from '@tollgate/contracts';
import type { LoadItem } from '@tollgate/credit';
import { charged, newAccount, roomIn, withCap, type AccountState } from '../account.js';

/** The state of the ledger, as far as it concerns the events that are to be booked. */
export interface LedgerState {
  /** The accounts that the events name, and those with a limit of their keys and organisations. */
  readonly accounts: ReadonlyMap<string, AccountState>;
  /** Requests whose event is already booked. */
  readonly booked: ReadonlySet<string>;
  /** Those of them that are booked by an event of version 1, and of which version 2 has told no more yet. */
  readonly bookedInShort: ReadonlySet<string>;
  /** Requests whose hold was released because their gateway was gone. */
  readonly voided: ReadonlySet<string>;
  /** Journals of gateways that are running. */
  readonly liveJournals: ReadonlySet<string>;
}

/** One usage event with the charge that the ledger decided on. */
export interface Booking {
  readonly event: UsageRecorded;
  /** All accounts that it is posted to. */
  readonly accountIds: readonly string[];
  /** `adjust` if the request's hold was released as an orphan's before. */
  readonly kind: 'post' | 'adjust';
  readonly chargeNanoUsd: bigint;
  /** The part of the provider's cost that is not charged. */
  readonly lossNanoUsd: bigint;
  /** True if settling the hold cannot bring admission's balances to those of the ledger: they must be loaded again. */
  readonly beyondHold: boolean;
}

/** All that one batch writes into the ledger. */
export interface BookingDecision {
  readonly bookings: readonly Booking[];
  /** Events of version 2 whose request is booked by version 1 already: they charge nothing, and add what they know. */
  readonly facts: readonly UsageRecordedV2[];
  /** The new state of every account that the bookings touch. */
  readonly accounts: ReadonlyMap<string, AccountState>;
  /** What admission must be told of accounts with a limit that were charged without a hold, by organisation. */
  readonly loads: ReadonlyMap<string, readonly LoadItem[]>;
}

/**
 * Decides what to charge for each new event, in order. Of several events of one request the first counts, but one of
 * version 2 counts before any of version 1. Both have the same charge. Once a request is booked nothing more is charged
 * for it: version 2 then adds the facts that version 1 does not have.
 */
export function decideBooking(events: readonly UsageRecorded[], ledger: LedgerState): BookingDecision {
  const seen = new Set(ledger.booked);
  const accounts = new Map<string, AccountState>();
  const unheld = new Set<string>();
  const inForce = accountsInForce(ledger.accounts);
  const bookings: Booking[] = [];
  for (const event of preferred(events)) {
    const requestId = event.requestId.toLowerCase();
    if (seen.has(requestId)) continue;
    seen.add(requestId);
    bookings.push(bookOne(event, ledger, accounts, inForce, unheld));
  }
  return { bookings, facts: factsOf(events, ledger), accounts, loads: loadsOf(accounts, unheld) };
}

/** The events with those of version 1 left out whose request has one of version 2 among them. The order stays. */
function preferred(events: readonly UsageRecorded[]): readonly UsageRecorded[] {
  if (events.every(({ eventVersion }) => eventVersion === 2)) return events;
  const told = new Set(events.flatMap((event) => (event.eventVersion === 2 ? [event.requestId.toLowerCase()] : [])));
  return events.filter((event) => event.eventVersion === 2 || !told.has(event.requestId.toLowerCase()));
}

function factsOf(events: readonly UsageRecorded[], { bookedInShort }: LedgerState): readonly UsageRecordedV2[] {
  if (bookedInShort.size === 0) return [];
  const facts = new Map<string, UsageRecordedV2>();
  for (const event of events) {
    const requestId = event.requestId.toLowerCase();
    if (event.eventVersion === 2 && bookedInShort.has(requestId) && !facts.has(requestId)) facts.set(requestId, event);
  }
  return [...facts.values()];
}

function bookOne(
  event: UsageRecorded,
  ledger: LedgerState,
  accounts: Map<string, AccountState>,
  inForce: AccountsInForce,
  unheld: Set<string>,
): Booking {
  const kind = ledger.voided.has(event.requestId.toLowerCase()) ? 'adjust' : 'post';
  const cost = BigInt(event.costNanoUsd);
  const hold = event.holdNanoUsd === null ? null : BigInt(event.holdNanoUsd);
  const touched = event.accounts.map(({ accountId, capNanoUsd }, at) => {
    const before =
      accounts.get(accountId) ??
      ledger.accounts.get(accountId) ??
      // An event lists the key's own account first.
      newAccount(accountId, event.organizationId, at === 0 ? event.apiKeyId : null);
    const cap = capNanoUsd === null ? null : BigInt(capNanoUsd);
    return { accountId, held: cap !== null && hold !== null, cap, state: withCap(before, cap) };
  });
  // After an orphan's hold was released, other requests may have used its credit: then the cost is owed, up to what is
  // left. Without a hold nothing was released, and the gateway's charge stands: it may have cut an implausible report.
  const owed = least(cost, kind === 'post' || hold === null ? BigInt(event.chargeNanoUsd) : cost, hold);
  const charge = least(owed, ...touched.map(({ cap, state }) => roomFor(kind, cap, state)));
  for (const { accountId, held, state } of touched) {
    const after = charged(state, charge, held);
    accounts.set(accountId, after);
    if (!held && after.ceilingNanoUsd !== null) unheld.add(accountId);
  }
  const others = othersInForce(event, inForce);
  for (const accountId of others) {
    accounts.set(accountId, charged((accounts.get(accountId) ?? ledger.accounts.get(accountId))!, charge, false));
    unheld.add(accountId);
  }
  const heldByNobody = hold !== null && (kind === 'adjust' || !ledger.liveJournals.has(event.journalId));
  return {
    event,
    accountIds: [...touched.map(({ accountId }) => accountId), ...others],
    kind,
    chargeNanoUsd: charge,
    lossNanoUsd: cost - charge,
    beyondHold: heldByNobody || charge < owed,
  };
}

/**
 * What may still be charged to an account that the event had a cap for; null for any sum. What a released hold had set
 * aside is gone: then only what its cap leaves is owed.
 */
function roomFor(kind: Booking['kind'], cap: bigint | null, state: AccountState): bigint | null {
  if (cap === null) return null;
  const room = roomIn(state);
  if (kind === 'post') return room;
  const left = cap > state.postedNanoUsd ? cap - state.postedNanoUsd : 0n;
  return room === null ? left : least(left, room);
}

/** Ids of accounts with a limit: of each key those of the limit that it has now, and of organisations. */
interface AccountsInForce {
  readonly ofKeys: ReadonlyMap<string, readonly (readonly [string, AccountState])[]>;
  readonly organizations: ReadonlySet<string>;
}

/** A change from no limit to a limit, or of its reset, has a higher version than the accounts of before. */
function accountsInForce(accounts: ReadonlyMap<string, AccountState>): AccountsInForce {
  const ofKeys = new Map<string, (readonly [string, AccountState])[]>();
  const organizations = new Set<string>();
  for (const entry of accounts) {
    const [accountId, { apiKeyId, ceilingNanoUsd, generation }] = entry;
    if (ceilingNanoUsd === null) continue;
    if (apiKeyId === null) {
      organizations.add(accountId);
      continue;
    }
    const known = ofKeys.get(apiKeyId);
    const latest = known?.[0]?.[1].generation ?? -1;
    if (generation > latest) ofKeys.set(apiKeyId, [entry]);
    else if (generation === latest) known!.push(entry);
  }
  return { ofKeys, organizations };
}

/** The accounts that an event does not name and that count it: its call began before they had a limit. */
function othersInForce(event: UsageRecorded, { ofKeys, organizations }: AccountsInForce): string[] {
  const at = countedAtMs(event);
  const ofKey = (ofKeys.get(event.apiKeyId) ?? []).filter(
    ([, { organizationId, cycle }]) =>
      organizationId === event.organizationId && cycle.startMs <= at && at < cycle.endMs,
  );
  const organization = organizationAccountId(event.organizationId);
  return [...ofKey.map(([accountId]) => accountId), ...(organizations.has(organization) ? [organization] : [])].filter(
    (accountId) => event.accounts.every((named) => named.accountId !== accountId),
  );
}

/**
 * The moment by which a call counts in the cycles of its key: its start, moved into the cycle that its credit was held
 * in, since the clocks of a gateway and of admission may differ. `billing.counted_day` says the same of its day.
 */
export function countedAtMs({ startedAt, accounts: [own] }: UsageRecorded): number {
  const startedMs = Date.parse(startedAt);
  if (own === undefined || own.capNanoUsd === null) return startedMs;
  const { startMs, endMs } = cycleOfAccount(own.accountId);
  return Math.max(startMs, Math.min(startedMs, endMs - 1));
}

function loadsOf(
  accounts: ReadonlyMap<string, AccountState>,
  unheld: ReadonlySet<string>,
): ReadonlyMap<string, readonly LoadItem[]> {
  const loads = new Map<string, LoadItem[]>();
  for (const accountId of unheld) {
    const { organizationId, unheldNanoUsd, generation } = accounts.get(accountId)!;
    const ofOne = loads.get(organizationId) ?? [];
    ofOne.push({ accountId, unheldNanoUsd, generation });
    loads.set(organizationId, ofOne);
  }
  return loads;
}

function least(first: bigint, ...others: readonly (bigint | null)[]): bigint {
  return others.reduce<bigint>((smallest, other) => (other !== null && other < smallest ? other : smallest), first);
}
