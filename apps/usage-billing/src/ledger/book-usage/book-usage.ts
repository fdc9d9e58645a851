import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks, type BookedSettle } from '@tollgate/admission';
import type { BusBatch } from '@tollgate/bus';
import type { UsageRecorded } from '@tollgate/contracts';
import { formatUsd } from '@tollgate/credit';
import { dataFault, ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { raiseAlertsOf } from '../../alerts/raise-alerts.js';
import { advanceOffset } from '../../store/consumer-offsets.js';
import { groupedBy } from '../../grouped-by.js';
import { BillingMeter } from '../../metrics.js';
import { lockOrganizations } from '../../store/organization-lock.js';
import { unavailable } from '../../unavailable.js';
import { plainestEvent } from './bookable-event.js';
import { decideBooking, type Booking, type BookingDecision } from './decide-booking.js';
import { readLedger } from './ledger-reads.js';
import { advanceJournals, writeBookings, writeFacts } from './ledger-writes.js';
import { findConflicts, type Conflict } from './conflicts.js';
import { quarantine } from './quarantine.js';
import { readUsageRecord, type Poison, type UsageRecord } from './read-usage-record.js';
import { ScreenEvents } from './screen-events.js';
import { SettleHolds } from './settle-holds.js';
import { heldPart } from './share-charge.js';

/**
 * Books batches of usage events of every version: one transaction writes events, ledger, balances, roll-ups and the
 * consumer's offset, so each request is booked once, however often it is delivered. Afterwards it settles the holds in
 * admission. The gateway does that as well; the second settle changes nothing.
 */
@Injectable()
export class BookUsage {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'closeEpoch' | 'loadAccounts'>,
    private readonly settles: SettleHolds,
    private readonly screen: ScreenEvents,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly meter: BillingMeter,
  ) {}

  /**
   * Rejects if the database cannot be reached. Then the rest of the batch is not booked, and the bus must deliver the
   * batch again.
   */
  async book(batch: BusBatch): Promise<void> {
    const last = batch.messages.at(-1);
    if (last === undefined) return;
    const begun = performance.now();
    const records = await this.screen.screen(batch.messages.map(readUsageRecord));
    await this.bookAll(batch, records, last.offset + 1n);
    this.meter.batch(batch.messages.length, (performance.now() - begun) / 1_000);
  }

  /**
   * Books records together. If the database refuses one although it parses, halving the list finds that one. It is
   * booked with plainer texts (`plainestEvent`), and quarantined like any other poison if those are refused too. `next`
   * is the offset at which to continue after these records; if the same bus record has more of them, it is their own.
   */
  private async bookAll(batch: BusBatch, records: readonly UsageRecord[], next: bigint): Promise<void> {
    try {
      await this.settles.settle(settlesOf(await this.bookTogether(batch, records, next)));
    } catch (error) {
      const fault = dataFault(error);
      if (fault === null || records.every(({ kind }) => kind === 'poison')) throw error;
      const half = Math.floor(records.length / 2);
      const middle = records[half];
      if (half === 0 || middle === undefined)
        return this.bookAll(
          batch,
          records.map((record) => afterRefusal(record, fault)),
          next,
        );
      await this.bookAll(batch, records.slice(0, half), middle.delivery.offset);
      await this.bookAll(batch, records.slice(half), next);
    }
  }

  /**
   * Books one event out of quarantine, in one transaction with `mark`, which says whether it is still to be booked and
   * is told the id that it is booked under. Resolves with the reason if it cannot be booked; then nothing is marked.
   * Its gateway settled its hold long ago, under an epoch that others may have followed: so the epoch is closed.
   * @throws {UnavailableError} if admission cannot be reached
   */
  async bookAgain(
    value: string,
    mark: (manager: EntityManager, requestId: string) => Promise<boolean>,
  ): Promise<Poison | null> {
    const delivery = { offset: 0n, part: 0, key: null, value };
    const [record] = await this.screen.screen([readUsageRecord(delivery)]);
    if (record?.kind !== 'event') return record ?? null;
    const { event } = record;
    try {
      const bookings = await this.database.acrossOrganizations(async (manager) => {
        if (!(await mark(manager, event.requestId))) return [];
        const { bookings, conflicts } = await this.bookEvents(manager, [event], true);
        const [conflict] = conflictsOf([record], conflicts);
        if (conflict !== undefined) throw new NotBookable(conflict);
        return bookings;
      });
      this.meter.booked(bookings, bookings.length, Date.now());
      this.tellCorrected(bookings);
      await this.settles.settle(settlesOf(bookings));
      return null;
    } catch (error) {
      if (error instanceof NotBookable) return error.poison;
      const fault = dataFault(error);
      if (fault === null) throw error;
      return { kind: 'poison', cause: 'refused', delivery, event, field: null, reason: fault };
    }
  }

  private async bookTogether(
    batch: BusBatch,
    records: readonly UsageRecord[],
    next: bigint,
  ): Promise<readonly Booking[]> {
    const events = records.flatMap((record) => (record.kind === 'event' ? [record.event] : []));
    const poison = records.filter((record) => record.kind === 'poison');
    const { bookings, conflicts } = await this.database.acrossOrganizations(async (manager) => {
      const booked = events.length === 0 ? NOTHING : await this.bookEvents(manager, events);
      const conflicts = conflictsOf(records, booked.conflicts);
      await quarantine(manager, batch, [...poison, ...conflicts]);
      await advanceOffset(manager, batch.topic, batch.partition, next);
      return { bookings: booked.bookings, conflicts };
    });
    this.meter.booked(bookings, events.length - conflicts.length, Date.now());
    this.tellQuarantined(batch, [...poison, ...conflicts]);
    this.tellReplaced(records, bookings);
    this.tellCorrected(bookings);
    return bookings;
  }

  private tellQuarantined({ topic, partition }: BusBatch, poison: readonly Poison[]): void {
    for (const [cause, ofCause] of groupedBy(poison, (each) => each.cause)) {
      this.meter.quarantined(cause, ofCause.length);
      const reasons = [...new Set(ofCause.map(({ reason }) => reason))].slice(0, REASONS_TOLD);
      this.logger.error({ topic, partition, cause, count: ofCause.length, reasons }, 'usage events quarantined');
    }
  }

  /** Logs an error, never with the value: a gateway let a text pass that it should have refused, so more may follow. */
  private tellReplaced(records: readonly UsageRecord[], bookings: readonly Booking[]): void {
    for (const record of records) {
      if (record.kind === 'poison' || record.replaced.length === 0) continue;
      const { event, replaced } = record;
      if (!bookings.some((booking) => booking.event === event)) continue;
      this.logger.error(
        { requestId: event.requestId, fields: replaced },
        'a usage event was booked with values replaced that the database cannot hold',
      );
      this.meter.valueReplaced();
    }
  }

  private tellCorrected(bookings: readonly Booking[]): void {
    for (const { event, replaced, chargeNanoUsd } of bookings) {
      if (replaced === null) continue;
      const { organizationId, requestId } = event;
      const difference = formatUsd(chargeNanoUsd - replaced.chargeNanoUsd);
      this.logger.info(
        { organizationId, requestId, differenceUsd: difference },
        'a final replaces the event of an orphan',
      );
    }
  }

  /** `isLate`: admission may have forgotten what it knew of these calls. */
  private async bookEvents(manager: EntityManager, events: readonly UsageRecorded[], isLate = false): Promise<Booked> {
    await lockOrganizations(manager, [...new Set(events.map((event) => event.organizationId))]);
    const ledger = await readLedger(manager, events);
    const decision = decideBooking(events, ledger);
    if (decision.facts.length > 0) await writeFacts(manager, decision.facts);
    if (decision.bookings.length > 0) {
      await writeBookings(manager, decision);
      await raiseAlertsOf(manager, ledger.accounts, decision.accounts, new Date());
      await advanceJournals(manager, events);
      await this.tellUnheld(decision, isLate);
    } else if (decision.overtaken.length > 0) await advanceJournals(manager, decision.overtaken);
    await this.closeEpochs(decision, isLate);
    const { bookings } = decision;
    if (bookings.length === events.length) return { bookings, conflicts: [] };
    // What was booked in this transaction is read as well, so that two contents in one batch are seen too.
    const counted = new Set<UsageRecorded>(bookings.map(({ event }) => event));
    return {
      bookings,
      conflicts: await findConflicts(
        manager,
        events.filter((event) => !counted.has(event)),
      ),
    };
  }

  /**
   * Tells admission what was charged without a hold to accounts with a limit, before the commit: admission never
   * continues with less than the ledger has. Nobody else of the organisation waits for it.
   */
  private async tellUnheld({ loads }: BookingDecision, isLate: boolean): Promise<void> {
    for (const [organizationId, items] of loads) {
      await answered(this.admission.loadAccounts(organizationId, items), isLate);
      this.meter.unheldTold(items.length);
    }
  }

  /** Runs before the commit: even if the commit fails, admission never continues with less posted than the ledger. */
  private async closeEpochs({ bookings, overtaken }: BookingDecision, isLate: boolean): Promise<void> {
    const beyondHold = bookings.flatMap(({ event, beyondHold }) =>
      beyondHold || (isLate && event.holdNanoUsd !== null) ? [event] : [],
    );
    const organizations = new Set([...beyondHold, ...overtaken].map((event) => event.organizationId));
    for (const organizationId of organizations) {
      this.logger.info({ organizationId }, 'an event was booked without its hold: the credit epoch is closed');
      await answered(this.admission.closeEpoch(organizationId), isLate);
      this.meter.epochClosed();
    }
  }
}

/** Who decides about a late event is told that admission is away; the bus brings its events again by itself. */
const answered = <Answer>(asked: Promise<Answer>, isLate: boolean): Promise<Answer> =>
  isLate ? asked.catch(unavailable('Admission')) : asked;

/** Takes back the transaction of an event that turns out to be in conflict with what is booked. */
class NotBookable extends Error {
  constructor(readonly poison: Poison) {
    super(poison.reason);
  }
}

/** What one transaction booked, and which of its events say something else than is booked of their requests. */
interface Booked {
  readonly bookings: readonly Booking[];
  readonly conflicts: readonly Conflict[];
}

const NOTHING: Booked = { bookings: [], conflicts: [] };
/** Reasons that one line of the log names. */
const REASONS_TOLD = 5;

/** The records of conflicting events, as poison. */
function conflictsOf(records: readonly UsageRecord[], conflicts: readonly Conflict[]): Poison[] {
  if (conflicts.length === 0) return [];
  const byEvent = new Map(conflicts.map((conflict) => [conflict.event, conflict]));
  return records.flatMap((record): Poison[] => {
    const conflict = record.kind === 'event' ? byEvent.get(record.event) : undefined;
    if (conflict === undefined) return [];
    const { event, difference } = conflict;
    const fields = difference.map(({ field }) => field);
    const reason = `the request is booked with another content: ${fields.join(', ')}`;
    return [
      { kind: 'poison', cause: 'conflict', delivery: record.delivery, event, field: fields[0]!, reason, difference },
    ];
  });
}

/** The record to try next after the database refused an event: with plainer texts, or as poison if that was tried. */
function afterRefusal(record: UsageRecord, fault: string): UsageRecord {
  const { delivery } = record;
  const plainest = record.kind === 'event' ? plainestEvent(record.event) : null;
  if (record.kind === 'poison') return record;
  if (plainest === null) {
    return { kind: 'poison', cause: 'refused', delivery, event: record.event, field: null, reason: fault };
  }
  const replaced = [...new Set([...record.replaced, ...plainest.replaced])];
  return { kind: 'event', delivery, event: plainest.event, replaced };
}

/** The settles of the holds of these bookings. A late final has none: its hold was ended as an orphan's. */
function settlesOf(bookings: readonly Booking[]): BookedSettle[] {
  return bookings.filter(({ event, kind }) => event.holdNanoUsd !== null && kind === 'post').map(settleOf);
}

function settleOf({ event, charges, chargeNanoUsd }: Booking): BookedSettle {
  const held = event.accounts.filter(({ capNanoUsd }) => capNanoUsd !== null);
  const grants = new Set(held.filter((each) => heldPart(each) !== null).map(({ accountId }) => accountId));
  return {
    requestId: event.requestId,
    organizationId: event.organizationId,
    chargeNanoUsd,
    tokens: event.outcome === 'orphaned' ? null : event.inputTokens + event.outputTokens,
    journalId: event.journalId,
    journalNumber: event.journalNumber,
    accountIds: held.filter(({ accountId }) => !grants.has(accountId)).map(({ accountId }) => accountId),
    ...(grants.size === 0 ? {} : { charged: charges.filter(({ accountId }) => grants.has(accountId)) }),
  };
}
