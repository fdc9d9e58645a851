import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks, type BookedSettle } from '@tollgate/admission';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { USAGE_TOPICS } from '@tollgate/contracts';
import { splitCharge, type OpenHold } from '@tollgate/credit';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { BillingMeter } from '../../metrics.js';
import { lockOrganizations } from '../../store/organization-lock.js';
import { GatewayInstances, unresolvedOf, type GatewayInstance } from '../../store/gateway-instances.js';

interface BookedRow {
  request_id: string;
  charge_nano_usd: string;
  tokens: string | null;
  journal_id: string;
  journal_number: string;
}

/**
 * Ends the open holds of gateways that are gone. If the event of a hold is booked, the hold is settled with its charge;
 * otherwise it is released, and the ledger records a void. An event that arrives even later is booked as an adjustment.
 */
@Injectable()
export class ResolveOrphans {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly instances: GatewayInstances,
    @Inject(ADMISSION_BOOKS)
    private readonly admission: Pick<AdmissionBooks, 'openHolds' | 'organizations' | 'settleBooked' | 'stopWaiting'>,
    @Inject(BUS_PROGRESS) private readonly bus: Pick<BusProgress, 'drained'>,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly meter: BillingMeter,
  ) {}

  /** Rejects if a store or the bus cannot be reached. What was done so far stays done; the next call does the rest. */
  async resolveAll(): Promise<void> {
    const gone = await this.instances.unresolved();
    if (gone.length === 0) return;
    await Promise.all(USAGE_TOPICS.map((topic) => this.bus.drained(topic)));
    for (const organizationId of await this.organizations()) await this.resolveIn(organizationId, gone);
    await this.instances.markResolved(gone.map(({ instanceId }) => instanceId));
  }

  /**
   * The organisations to look at: those whose epoch may wait for a gateway, and those that admission knows. The second
   * group is needed for keys that only have a limit of parallel requests: they have holds without an epoch, and their
   * events settle no hold.
   */
  private async organizations(): Promise<ReadonlySet<string>> {
    return new Set([...(await this.instances.organizationsWithEpoch()), ...(await this.admission.organizations())]);
  }

  private async resolveIn(organizationId: string, gone: readonly GatewayInstance[]): Promise<void> {
    const open = await this.admission.openHolds(organizationId);
    const goneIds = new Set<string>();
    const settles = await this.database.inOrganization(organizationId, async (manager) => {
      await lockOrganizations(manager, [organizationId]);
      // One that came back while the bus was drained may have to announce to an epoch that was opened since.
      const stillGone = await unresolvedOf(manager, gone);
      for (const { instanceId } of stillGone) goneIds.add(instanceId);
      await this.stopWaiting(manager, organizationId, stillGone);
      const holds = open.filter((hold) => goneIds.has(hold.instanceId));
      return holds.length === 0 ? [] : resolveInLedger(manager, organizationId, holds);
    });
    if (settles.length === 0) return;
    // The ledger commits first: after a crash in between, the next check finds the holds again.
    await this.admission.settleBooked(organizationId, settles);
    this.meter.orphansResolved(settles.length);
    this.logger.warn(
      { organizationId, holds: settles.length, gateways: [...goneIds] },
      'holds of gateways that are gone were resolved',
    );
  }

  /** Runs under the lock: an epoch opened after it waits for the journal's next instance, which does announce. */
  private async stopWaiting(
    manager: EntityManager,
    organizationId: string,
    gone: readonly GatewayInstance[],
  ): Promise<void> {
    const rows: { waiting_for: string[] }[] = await manager.query(
      'SELECT waiting_for FROM billing.credit_epoch WHERE organization_id = $1',
      [organizationId],
    );
    const waitingFor = new Set(rows[0]?.waiting_for);
    for (const { instanceId, journalId } of gone)
      if (waitingFor.has(instanceId)) await this.admission.stopWaiting(organizationId, journalId);
  }
}

// Index: usage_event_pk.
async function resolveInLedger(
  manager: EntityManager,
  organizationId: string,
  holds: readonly OpenHold[],
): Promise<BookedSettle[]> {
  const rows: BookedRow[] = await manager.query(
    `SELECT request_id, charge_nano_usd, CASE WHEN outcome <> 'orphaned' THEN input_tokens + output_tokens END AS tokens, journal_id, journal_number
     FROM billing.usage_event WHERE request_id = ANY($1::uuid[])`,
    [holds.map(({ requestId }) => requestId)],
  );
  const booked = new Map(rows.map((row) => [row.request_id, row]));
  await insertVoids(
    manager,
    organizationId,
    holds.filter(({ requestId }) => !booked.has(requestId)),
  );
  return holds.map(({ requestId, journalId, accountIds, parts }) => {
    const row = booked.get(requestId);
    const event =
      row === undefined
        ? { chargeNanoUsd: 0n, tokens: null, journalId, journalNumber: 0 }
        : {
            chargeNanoUsd: BigInt(row.charge_nano_usd),
            tokens: row.tokens === null ? null : Number(row.tokens),
            journalId: row.journal_id,
            journalNumber: Number(row.journal_number),
          };
    const charged = parts === undefined ? {} : { charged: splitCharge(event.chargeNanoUsd, parts) };
    return { requestId, organizationId, accountIds, ...event, ...charged };
  });
}

async function insertVoids(manager: EntityManager, organizationId: string, holds: readonly OpenHold[]): Promise<void> {
  const rows = holds.flatMap(({ requestId, accountIds, amountNanoUsd, parts = [] }) => [
    ...accountIds.map((accountId) => ({ requestId, accountId, amount: amountNanoUsd.toString() })),
    ...parts.map((part) => ({ requestId, accountId: part.accountId, amount: part.amountNanoUsd.toString() })),
  ]);
  await manager.query(
    `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd, note)
     SELECT $4, request_id, account_id, 'void', amount, 'orphaned' FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS given (request_id, account_id, amount)
     ON CONFLICT DO NOTHING`,
    [rows.map((row) => row.requestId), rows.map((row) => row.accountId), rows.map((row) => row.amount), organizationId],
  );
}
