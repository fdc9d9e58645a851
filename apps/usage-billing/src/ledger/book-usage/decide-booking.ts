import { kindOfAccount } from '@tollgate/api-key';
import type { UsageRecorded, UsageRecordedV2 } from '@tollgate/contracts';
import type { HeldPart, LoadItem } from '@tollgate/credit';
import { charged, newAccount, takenBack, withCap, withGrant, type AccountState } from '../account.js';
import { replacedBy, type BookedOrphan } from '../replace-orphans/booked-orphan.js';
import { accountsInForce, othersInForce, type AccountsInForce } from './accounts-in-force.js';
import { differences, type BookedRow } from './conflicts.js';
import { heldPart, least, shareCharge, wasHeld, type BookingKind, type TouchedAccount } from './share-charge.js';

/** The state of the ledger, as far as it concerns the events that are to be booked. */
export interface LedgerState {
  /** The accounts that the events name, and those with a limit of their keys, groups, projects and organisations. */
  readonly accounts: ReadonlyMap<string, AccountState>;
  /** Requests whose event is already booked. */
  readonly booked: ReadonlySet<string>;
  /**
   * What is booked of those that an event of version 2 came for, and that are booked by version 1, without more facts
   * yet.
   */
  readonly bookedInShort: ReadonlyMap<string, BookedRow>;
  /** Those that are booked by the event of an orphan: a final takes its place. */
  readonly orphans: ReadonlyMap<string, BookedOrphan>;
  /** Requests whose hold was released because their gateway was gone. */
  readonly voided: ReadonlySet<string>;
  /** Journals of gateways whose holds stand: that are running, or whose journal another gateway ships. */
  readonly liveJournals: ReadonlySet<string>;
}

/** One usage event with the charge that the ledger decided on. */
export interface Booking {
  readonly event: UsageRecorded;
  /** What is posted to each account: the whole charge, and to grants the part that each pays. */
  readonly charges: readonly HeldPart[];
  readonly kind: BookingKind;
  /** The event of an orphan whose place this one takes, if its kind is `correct`. */
  readonly replaced: BookedOrphan | null;
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
  /**
   * Events of orphans that came after the final of their call. Their gateway may have announced them to admission,
   * which then holds or has posted what they say.
   */
  readonly overtaken: readonly UsageRecorded[];
  /** The new state of every account that the bookings touch. */
  readonly accounts: ReadonlyMap<string, AccountState>;
  /** What admission must be told of accounts with a limit that were charged without a hold, by organisation. */
  readonly loads: ReadonlyMap<string, readonly LoadItem[]>;
}

/**
 * Decides what to charge for each new event, in order. Of several events of one request the first counts, but a final
 * counts before the event of an orphan, and one of version 2 before any of version 1. Once a request is booked nothing
 * more is charged for it: version 2 then adds the facts that version 1 does not have, where it says the same besides.
 * Only what an orphan's event charged is taken back where a final comes.
 */
export function decideBooking(events: readonly UsageRecorded[], ledger: LedgerState): BookingDecision {
  const decided = new Set<string>();
  const accounts = new Map<string, AccountState>();
  const unheld = new Set<string>();
  const inForce = accountsInForce(ledger.accounts);
  const bookings: Booking[] = [];
  for (const event of preferred(events)) {
    const requestId = event.requestId.toLowerCase();
    const replaced = replacedBy(event, ledger.orphans.get(requestId));
    if (decided.has(requestId) || (replaced === null && ledger.booked.has(requestId))) continue;
    decided.add(requestId);
    if (replaced !== null) takeBack(replaced, ledger, accounts);
    bookings.push(bookOne(event, replaced, ledger, accounts, inForce, unheld));
  }
  return {
    bookings,
    facts: factsOf(events, ledger),
    overtaken: overtakenOf(events, bookings, ledger),
    accounts,
    loads: loadsOf(accounts, unheld),
  };
}

function overtakenOf(
  events: readonly UsageRecorded[],
  bookings: readonly Booking[],
  { booked, orphans }: LedgerState,
): readonly UsageRecorded[] {
  const orphaned = events.filter(({ outcome, holdNanoUsd }) => outcome === 'orphaned' && holdNanoUsd !== null);
  if (orphaned.length === 0) return orphaned;
  const finals = new Set(
    bookings.flatMap(({ event }) => (event.outcome === 'orphaned' ? [] : [event.requestId.toLowerCase()])),
  );
  return orphaned.filter((event) => {
    const requestId = event.requestId.toLowerCase();
    return finals.has(requestId) || (booked.has(requestId) && !orphans.has(requestId));
  });
}

/** Which of several events of one request counts: the one with the highest rank. */
const rankOf = ({ outcome, eventVersion }: UsageRecorded): number => (outcome === 'orphaned' ? 0 : 2) + eventVersion;
const RANK_MAX = 4;

/** The events without those whose request has one of a higher rank among them. The order stays. */
function preferred(events: readonly UsageRecorded[]): readonly UsageRecorded[] {
  if (events.every((event) => rankOf(event) === RANK_MAX)) return events;
  const highest = new Map<string, number>();
  for (const event of events) {
    const requestId = event.requestId.toLowerCase();
    highest.set(requestId, Math.max(highest.get(requestId) ?? 0, rankOf(event)));
  }
  return events.filter((event) => rankOf(event) === highest.get(event.requestId.toLowerCase()));
}

/**
 * What version 2 adds to booked events of version 1: a final to a final, and an orphan's event to an orphan's. One that
 * says something else of the call adds nothing: it is in conflict.
 */
function factsOf(
  events: readonly UsageRecorded[],
  { bookedInShort, orphans }: LedgerState,
): readonly UsageRecordedV2[] {
  if (bookedInShort.size === 0) return [];
  const facts = new Map<string, UsageRecordedV2>();
  for (const event of preferred(events)) {
    const requestId = event.requestId.toLowerCase();
    const booked = bookedInShort.get(requestId);
    if (event.eventVersion !== 2 || booked === undefined || facts.has(requestId)) continue;
    if ((event.outcome === 'orphaned') !== orphans.has(requestId)) continue;
    if (differences(booked, event).length === 0) facts.set(requestId, event);
  }
  return [...facts.values()];
}

/** Takes what an orphan's event charged out of its accounts. */
function takeBack(
  { organizationId, charges }: BookedOrphan,
  ledger: LedgerState,
  accounts: Map<string, AccountState>,
): void {
  for (const { accountId, amountNanoUsd, isHeld } of charges) {
    const before =
      accounts.get(accountId) ?? ledger.accounts.get(accountId) ?? newAccount(accountId, organizationId, null);
    accounts.set(accountId, takenBack(before, amountNanoUsd, isHeld));
  }
}

function bookOne(
  event: UsageRecorded,
  replaced: BookedOrphan | null,
  ledger: LedgerState,
  accounts: Map<string, AccountState>,
  inForce: AccountsInForce,
  unheld: Set<string>,
): Booking {
  const isVoided = ledger.voided.has(event.requestId.toLowerCase());
  const kind: BookingKind = replaced !== null ? 'correct' : isVoided ? 'adjust' : 'post';
  const hold = event.holdNanoUsd === null ? null : BigInt(event.holdNanoUsd);
  const touched = event.accounts.map((named, at) =>
    touch(event, named, at, replaced, { ...ledger, touched: accounts }),
  );
  // The gateway's charge is never exceeded, however late the event comes: it may have cut an implausible report.
  const owed = least(BigInt(event.chargeNanoUsd), billableOf(event), hold);
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
  const heldByNobody = hold !== null && (kind !== 'post' || !ledger.liveJournals.has(event.journalId));
  const cost = BigInt(event.costNanoUsd);
  return {
    event,
    charges: [...charges, ...others.map((accountId) => ({ accountId, amountNanoUsd: chargeNanoUsd }))],
    kind,
    replaced,
    chargeNanoUsd,
    lossNanoUsd: cost > chargeNanoUsd ? cost - chargeNanoUsd : 0n,
    // What is told of charges without a hold never falls, so a correction is for the next epoch to load.
    beyondHold: heldByNobody || !isAsHeld || kind === 'correct',
  };
}

function touch(
  event: UsageRecorded,
  named: UsageRecorded['accounts'][number],
  at: number,
  replaced: BookedOrphan | null,
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
    held: wasHeld(named, event.holdNanoUsd),
    part: heldPart(named),
    state: isGrant ? withGrant(before, cap) : withCap(before, cap),
    freedNanoUsd: replaced?.charges.find((charge) => charge.accountId === accountId)?.amountNanoUsd ?? 0n,
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
