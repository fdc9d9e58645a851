import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { USAGE_TOPICS } from '@tollgate/contracts';
import { carriedHold } from '@tollgate/credit';
import { groupedBy } from '../../grouped-by.js';
import { CarriedHolds, type KeptHold } from './carried-holds.js';

/**
 * A call that ended so long ago without being booked never will be, or only by a gateway that comes back with its
 * journal: then its charge is added to what the account has, above its limit if need be.
 */
const GONE_FOR_MS = 10 * 60_000;

/**
 * Ends the holds that are carried once their calls are booked: from then on the account counts the charge.
 * `GatewayWatch` runs it each second while there are any. Several processes may do it at once: an end that is repeated
 * changes nothing.
 */
@Injectable()
export class ReleaseCarriedHolds {
  constructor(
    private readonly kept: CarriedHolds,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'carry' | 'openHolds' | 'settleBooked'>,
    @Inject(BUS_PROGRESS) private readonly bus: Pick<BusProgress, 'drained'>,
  ) {}

  /** Rejects if the database, the bus or admission cannot be reached; the next run does the rest. */
  async run(now: Date): Promise<void> {
    for (const [organizationId, holds] of groupedBy(await this.kept.all(), (hold) => hold.organizationId))
      await this.releaseIn(organizationId, holds, now);
  }

  /** The same for what is kept of one organisation. */
  async releaseIn(organizationId: string, holds: readonly KeptHold[], now: Date): Promise<void> {
    await this.release(
      organizationId,
      holds.filter(({ isOver }) => isOver),
    );
    const rest = holds.filter(({ isOver }) => !isOver);
    if (rest.length > 0) await this.look(organizationId, rest, now);
  }

  /** Places those again that an epoch has lost, and gives up calls of which there is nothing any more. */
  private async look(organizationId: string, holds: readonly KeptHold[], now: Date): Promise<void> {
    const open = new Set((await this.admission.openHolds(organizationId)).map(({ requestId }) => requestId));
    const present = holds.filter(({ requestId }) => open.has(requestId));
    await this.admission.carry(
      organizationId,
      present.map((hold) => carriedHold(hold, hold.apiKeyId)),
    );
    const back = present.filter(({ goneSince }) => goneSince !== null);
    if (back.length > 0) await this.kept.gone(organizationId, back, null);
    const absent = holds.filter(({ requestId }) => !open.has(requestId));
    const gone = absent.filter(({ goneSince }) => goneSince === null);
    if (gone.length > 0) await this.kept.gone(organizationId, gone, now);
    const over = absent.filter(({ goneSince }) => goneSince !== null && +now - +goneSince >= GONE_FOR_MS);
    if (over.length === 0) return;
    await Promise.all(USAGE_TOPICS.map((topic) => this.bus.drained(topic)));
    await this.release(organizationId, over);
  }

  private async release(organizationId: string, holds: readonly KeptHold[]): Promise<void> {
    if (holds.length === 0) return;
    await this.admission.settleBooked(
      organizationId,
      holds.map((hold) => {
        const { requestId, journalId } = carriedHold(hold, hold.apiKeyId);
        const nothing = { chargeNanoUsd: 0n, tokens: null, journalNumber: 0, accountIds: [] };
        return { requestId, organizationId, journalId, ...nothing };
      }),
    );
    await this.kept.forget(organizationId, holds);
  }
}
