import { kindOfAccount } from '@tollgate/api-key';
import type { UsageRecorded, UsageRecordedV2 } from '@tollgate/contracts';
import type { HeldPart, LoadItem } from '@tollgate/credit';
import { charged, newAccount, withCap, withGrant, type AccountState } from '../account.js';
import { accountsInForce, othersInForce, type AccountsInForce } from './accounts-in-force.js';
import { heldPart, least, shareCharge, type TouchedAccount } from './share-charge.js';

/** The state of the ledger, as far as it concerns the events that are to be booked. */
export interface LedgerState {
  /** The accounts that the events name, and those with a limit of their keys, groups, projects and organisations. */
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
  /** What is posted to each account: the whole charge, and to grants the part that each pays. */
  readonly charges: readonly HeldPart[];
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
  const hold = event.holdNanoUsd === null ? null : BigInt(event.holdNanoUsd);
  const touched = event.accounts.map((named, at) => touch(event, named, at, { ...ledger, touched: accounts }));
  // After an orphan's hold was released, other requests may have used its credit: then what the call is worth is owed,
  // up to what is left. Without a hold nothing was released, and the gateway's charge stands: it may have cut an
  // implausible report.
  const billable = billableOf(event);
  const owed = least(billable, kind === 'post' || hold === null ? BigInt(event.chargeNanoUsd) : billable, hold);
  const { chargeNanoUsd, charges, isAsHeld } = shareCharge(kind, owed, touched);
  for (const [at, { accountId, held, state }] of touched.entries()) {
    const after = charged(state, charges[at]!.amountNanoUsd, held);
    accounts.set(accountId, after);
    if (!held && after.ceilingNanoUsd !== null) unheld.add(accountId);
  }
  const others = othersInForce(event, inForce);
  for (const accountId of others) {
    const before = (accounts.get(accountId) ?? ledger.accounts.get(accountId))!;
    accounts.set(accountId, charged(before, chargeNanoUsd, false));
    unheld.add(accountId);
  }
  const heldByNobody = hold !== null && (kind === 'adjust' || !ledger.liveJournals.has(event.journalId));
  const cost = BigInt(event.costNanoUsd);
  return {
    event,
    charges: [...charges, ...others.map((accountId) => ({ accountId, amountNanoUsd: chargeNanoUsd }))],
    kind,
    chargeNanoUsd,
    lossNanoUsd: cost > chargeNanoUsd ? cost - chargeNanoUsd : 0n,
    beyondHold: heldByNobody || !isAsHeld,
  };
}

function touch(
  event: UsageRecorded,
  named: UsageRecorded['accounts'][number],
  at: number,
  { accounts, touched }: LedgerState & { readonly touched: ReadonlyMap<string, AccountState> },
): TouchedAccount {
  const { accountId, capNanoUsd } = named;
  const before =
    touched.get(accountId) ??
    accounts.get(accountId) ??
    // An event lists the key's own account first.
    newAccount(accountId, event.organizationId, at === 0 ? event.apiKeyId : null);
  const cap = capNanoUsd === null ? null : BigInt(capNanoUsd);
  const isGrant = cap !== null && kindOfAccount(accountId) === 'grant';
  return {
    accountId,
    cap,
    // Nothing is charged to a grant beyond it, so a charge never raises its ceiling.
    held: cap !== null && (event.holdNanoUsd !== null || isGrant),
    part: heldPart(named),
    state: isGrant ? withGrant(before, cap) : withCap(before, cap),
  };
}

/** What the call is worth to us: its cost, with the mark-up where there is one. */
function billableOf(event: UsageRecorded): bigint {
  const marked = event.eventVersion === 2 ? event.billableNanoUsd : undefined;
  return BigInt(marked ?? event.costNanoUsd);
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
