import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks, type EpochOpening } from '@tollgate/admission';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { USAGE_TOPICS } from '@tollgate/contracts';
import { shareCalls } from '@tollgate/periodic';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { BillingMeter } from '../metrics.js';
import { HOLDS_STAND } from '../store/gateway-instances.js';
import { lockOrganizations } from '../store/organization-lock.js';
import { unavailable } from '../unavailable.js';

/** Opens an organisation's credit epoch in admission with the balances of the ledger. */
@Injectable()
export class OpenEpoch {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'hasEpoch' | 'openEpoch'>,
    @Inject(BUS_PROGRESS) private readonly bus: Pick<BusProgress, 'drained'>,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly meter: BillingMeter,
  ) {}

  /**
   * Does nothing if an epoch is open. All gateways ask at the same moment, so concurrent calls for one organisation
   * share one run. Rejects if the bus, the database or admission cannot be reached; the caller then asks again. For the
   * bus and admission the error is an `UnavailableError`.
   */
  readonly open = shareCalls((organizationId: string) => this.openNow(organizationId));

  private async openNow(organizationId: string): Promise<void> {
    if (await this.admission.hasEpoch(organizationId).catch(unavailable('Admission'))) return;
    await Promise.all(USAGE_TOPICS.map((topic) => this.bus.drained(topic))).catch(unavailable('The bus'));
    // This commits before the epoch is opened, so that `ResolveOrphans` finds every organisation that may have one, and
    // all that it may wait for, also if this process does not live to hear that it is open.
    await this.database.inOrganization(organizationId, (manager) => manager.query(MAY_OPEN, [organizationId]));
    await this.database.inOrganization(organizationId, async (manager) => {
      // The lock keeps other transactions from booking between reading the balances and opening the epoch.
      await lockOrganizations(manager, [organizationId]);
      const epoch = await readOpening(manager, organizationId);
      if (!(await this.admission.openEpoch(epoch).catch(unavailable('Admission')))) return;
      await manager.query(
        `UPDATE billing.credit_epoch SET epoch_id = $2, opened_at = clock_timestamp(), waiting_for = $3
         WHERE organization_id = $1`,
        [organizationId, epoch.epochId, epoch.waitingFor.map(({ instanceId }) => instanceId)],
      );
      this.meter.epochOpened();
      this.logger.info(
        { organizationId, accounts: epoch.posted.length, waitingFor: epoch.waitingFor.length },
        'credit epoch opened',
      );
    });
  }
}

/** Indexes: credit_epoch_pk, gateway_instance_unresolved. */
const MAY_OPEN = `INSERT INTO billing.credit_epoch AS known (organization_id, waiting_for)
  SELECT $1, coalesce(array_agg(instance_id), '{}') FROM billing.gateway_instance WHERE ${HOLDS_STAND}
  ON CONFLICT (organization_id) DO UPDATE
    SET waiting_for = ARRAY(SELECT DISTINCT unnest(known.waiting_for || EXCLUDED.waiting_for))`;

interface AccountRow {
  account_id: string;
  posted_nano_usd: string;
  unheld_nano_usd: string;
  generation: string;
}

// Indexes: account_open, journal_progress_pk, gateway_instance_unresolved.
async function readOpening(manager: EntityManager, organizationId: string): Promise<EpochOpening> {
  // Gateways and admission may be behind our clock: a cycle is left out a day after its end, and a grant a day after it
  // was closed. The index must be able to leave them out as well: each day adds an account for each key whose limit
  // resets, and none is ever deleted.
  const accounts: AccountRow[] = await manager.query(
    `SELECT account_id, posted_nano_usd, unheld_nano_usd, generation FROM billing.account
     WHERE organization_id = $1 AND ceiling_nano_usd IS NOT NULL
       AND coalesce(closed_at, cycle_ends_at, 'infinity') > now() - interval '1 day'`,
    [organizationId],
  );
  const progress: { journal_id: string; number: string }[] = await manager.query(
    'SELECT journal_id, number FROM billing.journal_progress WHERE organization_id = $1',
    [organizationId],
  );
  const gateways: { journal_id: string; instance_id: string }[] = await manager.query(
    `SELECT DISTINCT ON (journal_id) journal_id, instance_id FROM billing.gateway_instance WHERE ${HOLDS_STAND}
     ORDER BY journal_id, registered_at DESC`,
  );
  return {
    organizationId,
    epochId: randomUUID(),
    posted: accounts.map((row) => ({
      accountId: row.account_id,
      postedNanoUsd: BigInt(row.posted_nano_usd),
      unheldNanoUsd: BigInt(row.unheld_nano_usd),
      generation: Number(row.generation),
    })),
    booked: progress.map((row) => ({ journalId: row.journal_id, number: Number(row.number) })),
    waitingFor: gateways.map((row) => ({ journalId: row.journal_id, instanceId: row.instance_id })),
  };
}
