import {
  announce,
  carry,
  closeEpoch,
  dropEndedCycles,
  emptyOrganization,
  forgetTold,
  leave,
  loadAccounts,
  noteRefusals,
  openEpoch,
  refusalMarks,
  reserve,
  settle,
  settleBooked,
  type AdmissionDecision,
  type LoadItem,
  type OpenHold,
  type OrganizationState,
  type ReserveItem,
  type SettleItem,
} from '@tollgate/credit';
import { monotonicUs } from './monotonic-us.js';
import type { Admission, AdmissionBooks, Announcement, BookedSettle, EpochOpening, UntoldRefusals } from './port.js';

const STORE_ID = 'memory';

/**
 * Both sides of admission in one process: the rules of libs/domain/credit, applied to maps. Its state is lost at exit;
 * at the next start usage-billing opens epochs from the ledger. The time of its rates is monotonic (microseconds), so
 * setting the machine's clock changes none; cycles of limits follow the wall clock (milliseconds since 1970).
 */
export class MemoryAdmission implements Admission, AdmissionBooks {
  readonly #organizations = new Map<string, OrganizationState>();
  readonly #leases = new Map<string, string>();
  /** By limit: the version that each journal's gateway has confirmed. */
  readonly #shipped = new Map<string, Map<string, number>>();
  /** Organisations with refusals to tell. */
  readonly #refusing = new Set<string>();
  #renewals = 0;

  constructor(
    private readonly nowUs: () => number = monotonicUs,
    private readonly nowMs: () => number = Date.now,
  ) {}

  reserve(item: ReserveItem): Promise<AdmissionDecision> {
    return Promise.resolve(reserve(this.#of(item.organizationId), item, STORE_ID, this.nowUs(), this.nowMs()));
  }

  settle(item: SettleItem): void {
    settle(this.#of(item.organizationId), item, this.nowUs());
  }

  leave(requestId: string, organizationId: string): void {
    leave(this.#of(organizationId), requestId);
  }

  refused(item: ReserveItem, decision: AdmissionDecision & { readonly kind: 'credit_exhausted' }): void {
    const [state, nowMs] = [this.#of(item.organizationId), this.nowMs()];
    noteRefusals(state, refusalMarks(item, decision, nowMs), nowMs);
    if (state.untold.length > 0) this.#refusing.add(item.organizationId);
  }

  renewLease(instanceId: string): Promise<readonly string[]> {
    this.#leases.set(instanceId, String(++this.#renewals));
    const waiting = [...this.#organizations]
      .filter(([, state]) => [...state.waiting.values()].includes(instanceId))
      .map(([organizationId]) => organizationId);
    return Promise.resolve(waiting);
  }

  bookedNumber(organizationId: string, journalId: string): Promise<number | null> {
    const state = this.#of(organizationId);
    return Promise.resolve(state.waiting.has(journalId) ? (state.booked.get(journalId) ?? 0) : null);
  }

  announce({ organizationId, journalId, holds, finals }: Announcement): Promise<void> {
    announce(this.#of(organizationId), journalId, holds, finals);
    return Promise.resolve();
  }

  confirmShipped(_organizationId: string, limitId: string, generation: number, journalId: string): Promise<void> {
    const journals = this.#shipped.get(limitId) ?? new Map<string, number>();
    this.#shipped.set(limitId, journals.set(journalId, Math.max(generation, journals.get(journalId) ?? 0)));
    return Promise.resolve();
  }

  shippedJournals(_organizationId: string, limitId: string, generation: number): Promise<ReadonlySet<string>> {
    const journals = [...(this.#shipped.get(limitId) ?? [])];
    return Promise.resolve(new Set(journals.flatMap(([id, confirmed]) => (confirmed >= generation ? [id] : []))));
  }

  onBatch(): void {
    // There are no batches: each item is decided at once.
  }

  settleLagMs(): number {
    return 0;
  }

  openEpoch(epoch: EpochOpening): Promise<boolean> {
    const contents = { ...epoch, storeId: STORE_ID };
    return Promise.resolve(openEpoch(this.#of(epoch.organizationId), contents, this.nowMs()));
  }

  loadAccounts(organizationId: string, items: readonly LoadItem[]): Promise<boolean> {
    return Promise.resolve(loadAccounts(this.#of(organizationId), items, STORE_ID, this.nowMs()));
  }

  carry(organizationId: string, holds: readonly OpenHold[]): Promise<boolean> {
    return Promise.resolve(carry(this.#of(organizationId), holds, STORE_ID));
  }

  async balances(organizationId: string, accountIds: readonly string[]): ReturnType<AdmissionBooks['accounts']> {
    const all = await this.accounts(organizationId);
    return new Map([...all].filter(([accountId]) => accountIds.includes(accountId)));
  }

  dropEndedCycles(organizationId: string): Promise<number> {
    return Promise.resolve(dropEndedCycles(this.#of(organizationId), this.nowMs()));
  }

  hasEpoch(organizationId: string): Promise<boolean> {
    return Promise.resolve(this.#of(organizationId).epoch !== null);
  }

  closeEpoch(organizationId: string): Promise<void> {
    closeEpoch(this.#of(organizationId));
    return Promise.resolve();
  }

  settleBooked(organizationId: string, items: readonly BookedSettle[]): Promise<void> {
    for (const item of items) settleBooked(this.#of(organizationId), item, this.nowUs());
    return Promise.resolve();
  }

  stopWaiting(organizationId: string, journalId: string): Promise<void> {
    this.#of(organizationId).waiting.delete(journalId);
    return Promise.resolve();
  }

  organizations(): Promise<readonly string[]> {
    return Promise.resolve([...this.#organizations.keys()]);
  }

  openHolds(organizationId: string): Promise<readonly OpenHold[]> {
    return Promise.resolve([...this.#of(organizationId).holds.values()]);
  }

  untoldRefusals(): Promise<readonly UntoldRefusals[]> {
    const untold = [...this.#refusing].map((organizationId) => {
      const refusals = [...this.#of(organizationId).untold];
      return { organizationId, refusals, read: [] };
    });
    return Promise.resolve(untold);
  }

  forgetTold({ organizationId, refusals }: UntoldRefusals): Promise<void> {
    const state = this.#of(organizationId);
    if (state.untold[0] === refusals[0]) forgetTold(state, refusals.length);
    if (state.untold.length === 0) this.#refusing.delete(organizationId);
    return Promise.resolve();
  }

  leases(): Promise<ReadonlyMap<string, string>> {
    return Promise.resolve(new Map(this.#leases));
  }

  accounts(organizationId: string): Promise<ReadonlyMap<string, { postedNanoUsd: bigint; heldNanoUsd: bigint }>> {
    return Promise.resolve(
      new Map([...this.#of(organizationId).accounts].map(([id, balance]) => [id, { ...balance }])),
    );
  }

  #of(organizationId: string): OrganizationState {
    let state = this.#organizations.get(organizationId);
    if (state === undefined) {
      state = emptyOrganization();
      this.#organizations.set(organizationId, state);
    }
    return state;
  }
}
