import { Inject, Injectable } from '@nestjs/common';
import { NOBODY } from '@tollgate/auth';
import type { EndOrganizationRequest } from '@tollgate/contracts';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { ExpireGrant } from '../grants/expire-grant.js';
import { EndSubscriptions } from '../subscriptions/end-subscriptions.js';
import { OrganizationEndStore } from './organization-end-store.js';

/** Ends at once what an organisation that was deleted would be charged for or could still use. */
@Injectable()
export class StopBilling {
  constructor(
    private readonly store: OrganizationEndStore,
    private readonly subscriptions: EndSubscriptions,
    private readonly grants: ExpireGrant,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Notes the end of an organisation, and ends its subscriptions and grants. It may be repeated, and what fails in
   * between is done by a repetition. Rejects if the database cannot be reached.
   */
  async execute({ organizationId, endedAt }: EndOrganizationRequest, now: Date): Promise<void> {
    await this.store.request(organizationId, endedAt === undefined ? null : new Date(endedAt));
    await this.stop(organizationId, now);
  }

  /** Does the same for organisations whose end is stored and that something is left of. One that fails is logged. */
  async rest(now: Date): Promise<void> {
    for (const organizationId of await this.store.stillBilled())
      await this.stop(organizationId, now).catch((err: unknown) =>
        this.logger.error({ err, organizationId }, 'billing of an organisation that was deleted was not stopped'),
      );
  }

  private async stop(organizationId: string, now: Date): Promise<void> {
    await this.subscriptions.ofOrganization(organizationId, now);
    await this.grants.all(organizationId, NOBODY, now);
  }
}
