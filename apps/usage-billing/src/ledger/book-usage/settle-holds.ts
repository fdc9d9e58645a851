import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks, type BookedSettle } from '@tollgate/admission';
import { LOGGER, type Logger } from '@tollgate/telemetry';

/** Beyond it the oldest are left to their gateways, which settle as well. */
const BACKLOG_MAX = 20_000;

/**
 * Tells admission what was booked. Where it cannot be reached, an organisation's settles are kept and sent later
 * in the same order: an epoch that still waits for a journal takes each number as "all up to here".
 */
@Injectable()
export class SettleHolds {
  private readonly backlog = new Map<string, BookedSettle[]>();

  constructor(
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'settleBooked'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Settles that were not taken yet. */
  get waiting(): number {
    return [...this.backlog.values()].reduce((sum, items) => sum + items.length, 0);
  }

  /** Never rejects. */
  async settle(items: readonly BookedSettle[]): Promise<void> {
    for (const [organizationId, ofOne] of byOrganization(items)) {
      this.backlog.set(organizationId, [...(this.backlog.get(organizationId) ?? []), ...ofOne].slice(-BACKLOG_MAX));
      await this.send(organizationId);
    }
  }

  /** Sends what could not be sent before. Never rejects. */
  async retry(): Promise<void> {
    for (const organizationId of [...this.backlog.keys()]) await this.send(organizationId);
  }

  private async send(organizationId: string): Promise<void> {
    const items = this.backlog.get(organizationId);
    if (items === undefined) return;
    try {
      await this.admission.settleBooked(organizationId, items);
      // What was put there meanwhile has made a new list; sending some of it twice changes nothing.
      if (this.backlog.get(organizationId) === items) this.backlog.delete(organizationId);
    } catch (error) {
      this.logger.warn(
        { err: error, organizationId, count: items.length },
        'holds of booked events are not settled yet',
      );
    }
  }
}

function byOrganization(items: readonly BookedSettle[]): Map<string, BookedSettle[]> {
  const groups = new Map<string, BookedSettle[]>();
  for (const item of items) {
    const group = groups.get(item.organizationId);
    if (group === undefined) groups.set(item.organizationId, [item]);
    else group.push(item);
  }
  return groups;
}
