import { Inject, Injectable, Optional } from '@nestjs/common';
import {
  KEY_MANAGEMENT_API,
  type KeyManagementApi,
  type SubscriptionsChangedV1,
  type TakenTerms,
} from '@tollgate/contracts';
import { inTime } from '@tollgate/periodic';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { OrganizationTerms } from './organization-terms.js';

/** Longer than key-management takes, which says after 2 s that gateways could not be told yet. */
const TAKEN_MS = 2_500;
const LATE: TakenTerms = { everywhere: false };

/**
 * Waits until gateways decide by what was changed, so that a change counts from its answer on. It tells key-management
 * what the bus tells it a little later: where this fails, that still comes. Never call it inside a transaction. What
 * stands behind `USAGE_BILLING_API` must not inject it, since key-management asks that.
 */
@Injectable()
export class TermsInForce {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly terms: OrganizationTerms,
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement:
      Partial<Pick<KeyManagementApi, 'takeOrganizationTerms' | 'takeSubscriptionTerms'>> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Resolves with true once every gateway decides by what is agreed with an organisation, or with false if that takes
   * too long or key-management cannot be asked: gateways are then still being told. Never rejects, since the change is
   * committed.
   */
  ofOrganization(organizationId: string): Promise<boolean> {
    return this.taken(async () => {
      const told = await this.database.inOrganization(organizationId, (manager) =>
        this.terms.told(manager, organizationId),
      );
      return told === null ? { everywhere: true } : this.keyManagement?.takeOrganizationTerms?.(told);
    });
  }

  /** Has a committed change published, and resolves once gateways decide by it, or do not know in time. */
  async announced(organizationId: string): Promise<void> {
    this.terms.announced();
    await this.ofOrganization(organizationId);
  }

  /** The same for what the key of a subscription was told. */
  ofSubscription(told: Omit<SubscriptionsChangedV1, 'eventVersion'>): Promise<boolean> {
    return this.taken(async () => this.keyManagement?.takeSubscriptionTerms?.({ eventVersion: 1, ...told }));
  }

  private async taken(take: () => Promise<TakenTerms | undefined>): Promise<boolean> {
    try {
      const { everywhere } = (await inTime(take(), TAKEN_MS, () => LATE)) ?? LATE;
      return everywhere;
    } catch (err) {
      this.logger.warn({ err }, 'key-management did not say whether gateways know of a change');
      return false;
    }
  }
}
