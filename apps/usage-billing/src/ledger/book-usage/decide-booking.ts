import type { UsageRecordedV1 } from '@tollgate/contracts';

/** An account of the ledger: what is posted to it, and its ceiling (null for no ceiling). Amounts are nano-USD. */
export interface AccountState {
  readonly organizationId: string;
  readonly apiKeyId: string | null;
  readonly capNanoUsd: bigint | null;
  readonly postedNanoUsd: bigint;
  readonly ceilingNanoUsd: bigint | null;
}

/** The state of the ledger, as far as it concerns the events that are to be booked. */
export interface LedgerState {
  readonly accounts: ReadonlyMap<string, AccountState>;
  /** Requests whose event is already booked. */
  readonly booked: ReadonlySet<string>;
  /** Requests whose hold was released because their gateway was gone. */
  readonly voided: ReadonlySet<string>;
  /** Journals of gateways that are running. */
  readonly liveJournals: ReadonlySet<string>;
}

/** One usage event with the charge that the ledger decided on. */
export interface Booking {
  readonly event: UsageRecordedV1;
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
  /** The new state of every account that the bookings touch. */
  readonly accounts: ReadonlyMap<string, AccountState>;
}

/**
 * Decides what to charge for each new event, in order. If two events are of the same request, the first counts.
 */
export function decideBooking(events: readonly UsageRecordedV1[], ledger: LedgerState): BookingDecision {
  const seen = new Set(ledger.booked);
  const accounts = new Map<string, AccountState>();
  const bookings: Booking[] = [];
  for (const event of events) {
    const requestId = event.requestId.toLowerCase();
    if (seen.has(requestId)) continue;
    seen.add(requestId);
    bookings.push(bookOne(event, ledger, accounts));
  }
  return { bookings, accounts };
}

function bookOne(event: UsageRecordedV1, ledger: LedgerState, accounts: Map<string, AccountState>): Booking {
  const kind = ledger.voided.has(event.requestId.toLowerCase()) ? 'adjust' : 'post';
  const cost = BigInt(event.costNanoUsd);
  const touched = event.accounts.map(({ accountId, capNanoUsd }, at) => {
    const before = accounts.get(accountId) ?? ledger.accounts.get(accountId) ?? newAccount(event, at);
    return {
      accountId,
      capped: capNanoUsd !== null,
      state: withCap(before, capNanoUsd === null ? null : BigInt(capNanoUsd)),
    };
  });
  const hold = event.holdNanoUsd === null ? null : BigInt(event.holdNanoUsd);
  // After an orphan's hold was released, other requests may have used its credit: then the cost is owed, up to what is
  // left. Without a hold nothing was released, and the gateway's charge stands: it may have cut an implausible report.
  const owed = least(cost, kind === 'post' || hold === null ? BigInt(event.chargeNanoUsd) : cost, hold);
  const charge = least(owed, ...touched.map(({ capped, state }) => (capped ? roomIn(state) : null)));
  for (const { accountId, capped, state } of touched) accounts.set(accountId, posted(state, charge, capped));
  const heldByNobody = hold !== null && (kind === 'adjust' || !ledger.liveJournals.has(event.journalId));
  return { event, kind, chargeNanoUsd: charge, lossNanoUsd: cost - charge, beyondHold: heldByNobody || charge < owed };
}

const newAccount = (event: UsageRecordedV1, at: number): AccountState =>
  // An event lists the key's own account first.
  ({
    organizationId: event.organizationId,
    apiKeyId: at === 0 ? event.apiKeyId : null,
    capNanoUsd: null,
    postedNanoUsd: 0n,
    ceilingNanoUsd: null,
  });

/**
 * The ceiling is the highest cap that an event was admitted under. A request that is in flight while the cap is lowered
 * is still owed.
 */
function withCap(state: AccountState, cap: bigint | null): AccountState {
  if (cap === null) return { ...state, capNanoUsd: null };
  const floor = state.ceilingNanoUsd ?? state.postedNanoUsd;
  return { ...state, capNanoUsd: cap, ceilingNanoUsd: cap > floor ? cap : floor };
}

function roomIn({ ceilingNanoUsd, postedNanoUsd }: AccountState): bigint | null {
  return ceilingNanoUsd === null ? null : ceilingNanoUsd - postedNanoUsd;
}

/** Adds a charge. A charge without a cap raises the ceiling too, so that it uses up no capped credit. */
function posted(state: AccountState, charge: bigint, capped: boolean): AccountState {
  const ceiling = state.ceilingNanoUsd === null || capped ? state.ceilingNanoUsd : state.ceilingNanoUsd + charge;
  return { ...state, postedNanoUsd: state.postedNanoUsd + charge, ceilingNanoUsd: ceiling };
}

function least(first: bigint, ...others: readonly (bigint | null)[]): bigint {
  return others.reduce<bigint>((smallest, other) => (other !== null && other < smallest ? other : smallest), first);
}
