import type {
  AdmissionDecision,
  AnnouncedFinal,
  BookedItem,
  CreditRefusal,
  EpochContents,
  LoadItem,
  OpenHold,
  ReserveItem,
  SettleItem,
} from '@tollgate/credit';

/**
 * The gateway's side. One atomic step decides about rate limits, parallel requests and credit together.
 *
 * @example
 * const decision = await admission.reserve(item);
 * if (decision.kind === 'admitted') {
 *   const { chargeNanoUsd, tokens } = await callProvider();
 *   admission.settle({ requestId: item.requestId, organizationId: item.organizationId, chargeNanoUsd, tokens });
 * }
 */
export interface Admission {
  /** Decides one request. Never rejects: the decision is `unavailable` if none can be made. */
  reserve(item: ReserveItem): Promise<AdmissionDecision>;
  /**
   * Queues a settle and retries it until the store has taken it. usage-billing settles the same hold once the event is
   * booked; the second of the two settles changes nothing.
   */
  settle(item: SettleItem): void;
  /**
   * Gives back the place that a request takes among its key's parallel requests, because its client has disconnected.
   * The hold stays until it is settled. The call is queued and retried like a settle.
   */
  leave(requestId: string, organizationId: string): void;
  /**
   * Marks the accounts that refused a request for want of credit, each once for its cap or its grants, so that
   * usage-billing tells people. Called for the refusal that the caller gets, not for one that is tried again. What is
   * not marked because the store is away is marked by the next refusal.
   */
  refused(item: ReserveItem, decision: AdmissionDecision & { readonly kind: 'credit_exhausted' }): void;
  /** Renews this gateway instance's lease. Resolves with the organisations whose epochs wait for its announcement. */
  renewLease(instanceId: string): Promise<readonly string[]>;
  /**
   * The booked number of this journal under the organisation's epoch; null unless an open epoch waits for the journal's
   * announcement.
   */
  bookedNumber(organizationId: string, journalId: string): Promise<number | null>;
  /** Announces one journal's holds in flight, and its finals that are not booked yet, under a new epoch. */
  announce(announcement: Announcement): Promise<void>;
  /**
   * Tells that all usage of before this gateway knew a limit is on the bus: what its journal had when it heard of the
   * limit's version `generation`. `limitId` is the account of the limit, without a cycle.
   */
  confirmShipped(organizationId: string, limitId: string, generation: number, journalId: string): Promise<void>;
  /** Sets a listener for the number of items of each call of the store. Without batches it is never called. */
  onBatch(listener: (items: number) => void): void;
  /** Milliseconds for which the oldest settle has waited for the store to take it; 0 if none waits. */
  settleLagMs(): number;
}

/** The open requests of one journal, for an epoch that waits for them. */
export interface Announcement {
  readonly organizationId: string;
  readonly journalId: string;
  /** Requests in flight. */
  readonly holds: readonly OpenHold[];
  /** Finals in the journal above the booked number; the amount of each is its charge. */
  readonly finals: readonly AnnouncedFinal[];
}

/** Token of the `AdmissionBooks` of a process. */
export const ADMISSION_BOOKS = Symbol('ADMISSION_BOOKS');

/**
 * usage-billing's side: it opens epochs from the ledger, and settles holds whose events are booked.
 *
 * @example
 * if (!(await books.hasEpoch(organizationId))) {
 *   await books.openEpoch({ organizationId, epochId: randomUUID(), posted, booked, waitingFor });
 * }
 */
export interface AdmissionBooks {
  /** Opens an epoch unless one is open under the present store id; false if one was open already. */
  openEpoch(epoch: EpochOpening): Promise<boolean>;
  /**
   * Tells what the ledger charged to accounts without a hold on them, and for which versions of their limits they are
   * loaded. Sums are absolute and never fall, so a call can be repeated. False, without a change, if no epoch is open
   * under the present store id: the next one is opened with all that the ledger has. Called in the ledger's transaction
   * before it commits, under the organisation's lock, so that admission never goes on with less than the ledger.
   */
  loadAccounts(organizationId: string, items: readonly LoadItem[]): Promise<boolean>;
  /**
   * Places holds that stand for calls under way on other accounts of a limit (`carriedHold`), each once. False, without
   * a change, if no epoch is open under the present store id. `settleBooked` ends them.
   */
  carry(organizationId: string, holds: readonly OpenHold[]): Promise<boolean>;
  /** What `accounts` says of these; one that admission does not have is left out. */
  balances(organizationId: string, accountIds: readonly string[]): ReturnType<AdmissionBooks['accounts']>;
  /** The journals whose gateways have confirmed (`confirmShipped`) for this version of a limit, or a later one. */
  shippedJournals(organizationId: string, limitId: string, generation: number): Promise<ReadonlySet<string>>;
  /**
   * Drops the accounts of cycles that ended more than two days ago, unless requests still hold credit on them: each day
   * adds an account for each key whose limit resets. Resolves with how many were dropped. It reads the whole state of
   * the organisation: call it rarely.
   */
  dropEndedCycles(organizationId: string): Promise<number>;
  /** Whether the organisation has an epoch under the present store id. */
  hasEpoch(organizationId: string): Promise<boolean>;
  /** Ends the organisation's epoch. Every capped request of it is refused until the next epoch is opened. */
  closeEpoch(organizationId: string): Promise<void>;
  /**
   * Settles holds whose events are in the ledger. A repeated call, or one after the gateway's own settle, changes
   * nothing. If the epoch still waits for the event's journal, the charge is posted instead.
   */
  settleBooked(organizationId: string, items: readonly BookedSettle[]): Promise<void>;
  /** Makes the epoch stop waiting for a journal that will announce nothing more, because its gateway is gone. */
  stopWaiting(organizationId: string, journalId: string): Promise<void>;
  /**
   * Every organisation of which the store has data, and possibly some whose data was removed meanwhile. Organisations
   * without an epoch, whose keys only have rate limits, are included. It scans the whole store: call it rarely.
   */
  organizations(): Promise<readonly string[]>;
  /** Open holds of the organisation. */
  openHolds(organizationId: string): Promise<readonly OpenHold[]>;
  /** What was refused and is not told yet. With nothing to tell this asks once for all organisations. */
  untoldRefusals(): Promise<readonly UntoldRefusals[]>;
  /**
   * Forgets refusals that were told, once that is committed. Several processes may have read the same; what came since
   * stays.
   */
  forgetTold(refusals: UntoldRefusals): Promise<void>;
  /** The lease of each gateway instance, as an opaque value that changes with each renewal. */
  leases(): Promise<ReadonlyMap<string, string>>;
  /** The posted and held amounts of each account, for reconciliation and for the tests of I1 and I2. */
  accounts(
    organizationId: string,
  ): Promise<ReadonlyMap<string, { readonly postedNanoUsd: bigint; readonly heldNanoUsd: bigint }>>;
}

/** The refusals of one organisation, as they were read. */
export interface UntoldRefusals {
  readonly organizationId: string;
  readonly refusals: readonly CreditRefusal[];
  /** By which the store knows what was read. */
  readonly read: readonly string[];
}

/** The state an epoch starts from: posted sums, and the booked number of each journal for this organisation. */
export interface EpochOpening extends Omit<EpochContents, 'storeId'> {
  readonly organizationId: string;
}

/** `accountIds` are charged directly if the epoch waits for this journal and the hold was not announced yet. */
export type BookedSettle = BookedItem;
