import type { UsageRecordedV1 } from '@tollgate/contracts';

/** What is posted to an account, and the most that may be; a null ceiling is none. Nano-USD. */
export interface AccountState {
  readonly organizationId: string;
  readonly apiKeyId: string | null;
  readonly capNanoUsd: bigint | null;
  readonly postedNanoUsd: bigint;
  readonly ceilingNanoUsd: bigint | null;
}

/** What the ledger knows already of the requests and accounts of some events. */
export interface LedgerState {
  readonly accounts: ReadonlyMap<string, AccountState>;
  /** Requests with an event. */
  readonly booked: ReadonlySet<string>;
  /** Requests whose hold was given back because their gateway was gone. */
  readonly voided: ReadonlySet<string>;
  /** Journals of gateways that are there. */
  readonly liveJournals: ReadonlySet<string>;
}

export interface Booking {
  readonly event: UsageRecordedV1;
  /** `adjust` where the request was resolved as an orphan before. */
  readonly kind: 'post' | 'adjust';
  readonly chargeNanoUsd: bigint;
  /** What the provider charged beyond the charge. */
  readonly lossNanoUsd: bigint;
  /** The balances that admission keeps will not come to what the ledger has: it has to load them again. */
  readonly beyondHold: boolean;
}

export interface BookingDecision {
  readonly bookings: readonly Booking[];
  /** Every account that the bookings touch, as it is afterwards. */
  readonly accounts: ReadonlyMap<string, AccountState>;
}

/**
 * Decides what is charged for each event that is new, one after the other; of two events of one request the first
 * counts.
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
  // After an orphan was given back, its room may be somebody else's: then the cost counts, up to what is left. Without
  // a hold there was no room to give back, and the gateway's charge stands: it may have cut an implausible report.
  const owed = least(cost, kind === 'post' || hold === null ? BigInt(event.chargeNanoUsd) : cost, hold);
  const charge = least(owed, ...touched.map(({ capped, state }) => (capped ? roomIn(state) : null)));
  for (const { accountId, capped, state } of touched) accounts.set(accountId, posted(state, charge, capped));
  const heldByNobody = hold !== null && (kind === 'adjust' || !ledger.liveJournals.has(event.journalId));
  return { event, kind, chargeNanoUsd: charge, lossNanoUsd: cost - charge, beyondHold: heldByNobody || charge < owed };
}

const newAccount = (event: UsageRecordedV1, at: number): AccountState =>
  // The key's own account is the first.
  ({
    organizationId: event.organizationId,
    apiKeyId: at === 0 ? event.apiKeyId : null,
    capNanoUsd: null,
    postedNanoUsd: 0n,
    ceilingNanoUsd: null,
  });

/**
 * The ceiling is the highest cap that an event was admitted under: a request in flight while the cap is lowered is
 * still owed.
 */
function withCap(state: AccountState, cap: bigint | null): AccountState {
  if (cap === null) return { ...state, capNanoUsd: null };
  const floor = state.ceilingNanoUsd ?? state.postedNanoUsd;
  return { ...state, capNanoUsd: cap, ceilingNanoUsd: cap > floor ? cap : floor };
}

function roomIn({ ceilingNanoUsd, postedNanoUsd }: AccountState): bigint | null {
  return ceilingNanoUsd === null ? null : ceilingNanoUsd - postedNanoUsd;
}

/** What is spent without a cap takes no room from what was admitted under one. */
function posted(state: AccountState, charge: bigint, capped: boolean): AccountState {
  const ceiling = state.ceilingNanoUsd === null || capped ? state.ceilingNanoUsd : state.ceilingNanoUsd + charge;
  return { ...state, postedNanoUsd: state.postedNanoUsd + charge, ceilingNanoUsd: ceiling };
}

function least(first: bigint, ...others: readonly (bigint | null)[]): bigint {
  return others.reduce<bigint>((smallest, other) => (other !== null && other < smallest ? other : smallest), first);
}
