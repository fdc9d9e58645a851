import { Inject, Injectable, Optional } from '@nestjs/common';
import { keyAccountId, organizationAccountId } from '@tollgate/api-key';
import {
  KEY_MANAGEMENT_API,
  type KeyManagementApi,
  type KnownOwners,
  type KnownOwnersRequest,
  type PresentLimit,
} from '@tollgate/contracts';
import { Problem } from '@tollgate/http';
import { LOGGER, type Logger } from '@tollgate/telemetry';

/** Asks key-management what an organisation has. Never call it inside a transaction. */
@Injectable()
export class Owners {
  constructor(
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'knownOwners'> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Those that the organisation has of the groups, projects and members that are asked about.
   * @throws {Problem} `organization_not_found`; `service_unavailable` where key-management cannot be asked
   */
  async ofOrganization(request: KnownOwnersRequest): Promise<KnownOwners> {
    const known = await this.ask(request);
    if (!known.organization) throw new Problem('organization_not_found');
    return known;
  }

  /**
   * The limits of an organisation and of keys of it as they are now, by the ids of their limits (`limitOf`). Null for
   * who has none; one is left out that is not known.
   * @throws {Problem} `service_unavailable` where key-management cannot be asked
   */
  async limits(
    organizationId: string,
    apiKeyIds: readonly string[],
  ): Promise<ReadonlyMap<string, PresentLimit | null>> {
    const { organizationLimit, apiKeys } = await this.ask({ organizationId, apiKeyIds: [...apiKeyIds] });
    const told = [
      [organizationAccountId(organizationId), organizationLimit] as const,
      ...apiKeys.map(({ id, limit }) => [keyAccountId(id), limit] as const),
    ];
    return new Map(told.flatMap(([limitId, limit]) => (limit === undefined ? [] : [[limitId, limit] as const])));
  }

  private async ask(request: KnownOwnersRequest): Promise<KnownOwners> {
    if (this.keyManagement === undefined)
      throw new Problem('service_unavailable', {
        detail: 'KEY_MANAGEMENT_URL is not set, so it is not known which organisations there are.',
      });
    try {
      return await this.keyManagement.knownOwners(request);
    } catch (cause) {
      this.logger.warn({ err: cause }, 'key-management did not say what an organisation has');
      throw new Problem('service_unavailable', { cause });
    }
  }
}
