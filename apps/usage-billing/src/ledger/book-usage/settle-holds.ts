import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks, type BookedSettle } from '@tollgate/admission';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { groupedBy } from '../../grouped-by.js';

/** Most waiting settles of an organisation. Beyond it the oldest are dropped: their gateways settle them as well. */
const BACKLOG_MAX = 20_000;

/**
 * Settles the holds of booked events in admission. If admission cannot be reached, an organisation's settles are kept
 * and sent later in the same order. The order matters: an epoch that still waits for a journal reads each journal
 * number as "all up to here".
 */
@Injectable()
export class SettleHolds {
  private readonly backlog = new Map<string, BookedSettle[]>();

  constructor(
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'settleBooked'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The number of settles that admission has not accepted yet. */
  get waiting(): number {
    return [...this.backlog.values()].reduce((sum, items) => sum + items.length, 0);
  }

  /** Sends settles, after any that still wait for the same organisation. Never rejects. */
  async settle(items: readonly BookedSettle[]): Promise<void> {
    for (const [organizationId, ofOne] of groupedBy(items, (item) => item.organizationId)) {
      this.backlog.set(organizationId, [...(this.backlog.get(organizationId) ?? []), ...ofOne].slice(-BACKLOG_MAX));
      await this.send(organizationId);
    }
  }

  /** Sends the settles that could not be sent before. Never rejects. */
  async retry(): Promise<void> {
    for (const organizationId of [...this.backlog.keys()]) await this.send(organizationId);
  }

  private async send(organizationId: string): Promise<void> {
    const items = this.backlog.get(organizationId);
    if (items === undefined) return;
    try {
      await this.admission.settleBooked(organizationId, items);
      // If settles were added meanwhile, the map has a new list. It is sent whole: a repeated settle changes nothing.
      if (this.backlog.get(organizationId) === items) this.backlog.delete(organizationId);
    } catch (error) {
      this.logger.warn(
        { err: error, organizationId, count: items.length },
        'holds of booked events are not settled yet',
      );
    }
  }
}
