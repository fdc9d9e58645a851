import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { BillingMeter } from '../metrics.js';
import { GatewayInstances } from '../store/gateway-instances.js';
import { awaitOrganizations } from '../store/organization-lock.js';

/** The table of epochs is read whole: it has a row for each organisation. */
const NOT_WAITING = `SELECT DISTINCT e.organization_id FROM billing.credit_epoch AS e
  JOIN billing.gateway_instance AS g ON g.instance_id = ANY($1::text[])
  WHERE e.opened_at > g.gone_at AND NOT g.instance_id = ANY(e.waiting_for)`;

/**
 * Closes credit epochs that do not know what gateways hold; the next call opens others. Those that are being opened at
 * the same moment may not know it either, so they are waited for first.
 */
@Injectable()
export class CloseEpochs {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly instances: GatewayInstances,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'closeEpoch'>,
    private readonly meter: BillingMeter,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Closes all of them, since a gateway that counted as gone came back. */
  async all(): Promise<void> {
    this.logger.warn('a gateway that counted as gone came back: all credit epochs are closed');
    await this.database.acrossOrganizations(awaitOrganizations);
    await this.close(await this.instances.organizationsWithEpoch());
  }

  /** Closes those that were opened when one of these gateways was gone already, without waiting for it. */
  async notWaitingFor(instanceIds: readonly string[]): Promise<void> {
    await this.database.acrossOrganizations(awaitOrganizations);
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string }[]>(NOT_WAITING, [instanceIds]),
    );
    await this.close(rows.map((row) => row.organization_id));
  }

  private async close(organizationIds: readonly string[]): Promise<void> {
    for (const organizationId of organizationIds) {
      await this.admission.closeEpoch(organizationId);
      this.meter.epochClosed();
    }
  }
}
