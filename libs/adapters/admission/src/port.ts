import type {
  AdmissionDecision,
  AnnouncedFinal,
  BookedItem,
  EpochContents,
  OpenHold,
  ReserveItem,
  SettleItem,
} from '@tollgate/credit';

/** The gateway's side: rate limits, parallel requests and credit, decided in one step for all of them. */
export interface Admission {
  /** Decides one request. Never rejects: what cannot be decided is `unavailable`. */
  reserve(item: ReserveItem): Promise<AdmissionDecision>;
  /**
   * Queues a settle. It is tried until the store took it; the ledger's side settles too, and whoever comes second
   * changes nothing.
   */
  settle(item: SettleItem): void;
  /**
   * Gives back the place that a request takes among its key's parallel requests, because its client has left; its hold
   * stays until it is settled. Queued and repeated as a settle is.
   */
  leave(requestId: string, organizationId: string): void;
  /** Renews this gateway instance's lease; resolves with the organisations that wait to hear its holds. */
  renewLease(instanceId: string): Promise<readonly string[]>;
  /**
   * The number up to which the organisation's epoch has booked this journal; null without an open epoch that waits for
   * it.
   */
  bookedNumber(organizationId: string, journalId: string): Promise<number | null>;
  /** Announces the holds in flight, and the finals not booked yet, of one journal under a new epoch. */
  announce(announcement: Announcement): Promise<void>;
  /** Hears how many items each call of the store carries. Where nothing is batched, never called. */
  onBatch(listener: (items: number) => void): void;
  /** Milliseconds for which the oldest settle has been waiting to be taken by the store; 0 when none is. */
  settleLagMs(): number;
}

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

/** usage-billing's side. */
export interface AdmissionBooks {
  /** Opens an epoch where none is open for the present store; false where one was open already. */
  openEpoch(epoch: EpochOpening): Promise<boolean>;
  /** Whether the organisation has an epoch under the present store. */
  hasEpoch(organizationId: string): Promise<boolean>;
  /** Without an epoch every capped request of the organisation is refused until one is opened. */
  closeEpoch(organizationId: string): Promise<void>;
  /**
   * Settles holds whose events are in the ledger. Repeated, or after the gateway did, it changes nothing.
   * Under an epoch that still waits for the event's journal, the charge is posted instead.
   */
  settleBooked(organizationId: string, items: readonly BookedSettle[]): Promise<void>;
  /** A journal that will announce nothing more (its gateway is gone): epochs stop waiting for it. */
  stopWaiting(organizationId: string, journalId: string): Promise<void>;
  /**
   * Every organisation that admission knows of, and maybe some that it has forgotten: also those without an epoch,
   * whose keys have parallel requests only. Looks through the whole store; not for every day.
   */
  organizations(): Promise<readonly string[]>;
  /** Open holds of the organisation. */
  openHolds(organizationId: string): Promise<readonly OpenHold[]>;
  /** Lease of each gateway instance, as an opaque value that changes with each renewal. */
  leases(): Promise<ReadonlyMap<string, string>>;
  /** What is posted and held by account; for reconciliation and tests of I1 and I2. */
  accounts(
    organizationId: string,
  ): Promise<ReadonlyMap<string, { readonly postedNanoUsd: bigint; readonly heldNanoUsd: bigint }>>;
}

/** What an epoch starts from: posted sums, and by journal the highest number in the ledger for this organisation. */
export interface EpochOpening extends Omit<EpochContents, 'storeId'> {
  readonly organizationId: string;
}

/** `accountIds`: where to post when the epoch waits for this journal and the hold was not announced yet. */
export type BookedSettle = BookedItem;
