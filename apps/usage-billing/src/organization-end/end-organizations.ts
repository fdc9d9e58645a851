import { Inject, Injectable, Optional } from '@nestjs/common';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { OrganizationEndStore } from './organization-end-store.js';
import { StopBilling } from './stop-billing.js';

const EVERY_MS = 300_000;
const SOON_MS = 45_000;
/** Calls that were under way at the deletion are booked by then. */
const EXPORTED_AFTER_MS = 3_600_000;
const KEPT_MS = 30 * 86_400_000;

/**
 * Exports what is known of organisations that were deleted, and then erases what is personal. Sums and charges stay.
 */
@Injectable()
export class EndOrganizations extends PeriodicService {
  constructor(
    private readonly store: OrganizationEndStore,
    @Inject(StopBilling) private readonly stopBilling: Pick<StopBilling, 'rest'>,
    @Inject(LOGGER) private readonly logger: Logger,
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'knownOwners'> | null = null,
  ) {
    super({ everyMs: EVERY_MS, firstInMs: SOON_MS });
  }

  /**
   * Does what is due at `now`. Rejects if the database cannot be reached, or key-management, which knows the names;
   * what was done stays done.
   */
  async run(now: Date): Promise<void> {
    await this.stopBilling.rest(now);
    const before = new Date(now.getTime() - EXPORTED_AFTER_MS);
    for (const organizationId of await this.store.toExport(before)) {
      const known = await this.keyManagement?.knownOwners({ organizationId });
      if (await this.store.export(organizationId, known?.organizationName ?? null, now))
        this.logger.info({ organizationId }, 'an organisation that was deleted is exported');
    }
    for (const organizationId of await this.store.toErase()) {
      await this.store.erase(organizationId, now);
      this.logger.info({ organizationId }, 'what is personal was erased of an organisation that was deleted');
    }
    await this.store.forget(new Date(now.getTime() - KEPT_MS));
  }

  protected override async work(): Promise<void> {
    await this.run(new Date()).catch((err: unknown) =>
      this.logger.warn(
        { err },
        'deleted organisations could not be exported; the next attempt follows in five minutes',
      ),
    );
  }
}
