import { Inject, Injectable, Optional } from '@nestjs/common';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import { LOGGER, type Logger } from '@tollgate/telemetry';

/** Asks key-management which ids belong to keys: the ledger only knows keys that were charged. */
@Injectable()
export class KnownKeys {
  constructor(
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'knownKeys'> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * True if no key of the organisation ever had this id, deleted keys included. False if key-management cannot be
   * asked: the caller then shows zeros, which are true in any case.
   */
  async isNobodys(organizationId: string, apiKeyId: string): Promise<boolean> {
    if (this.keyManagement === undefined) return false;
    try {
      return !(await this.keyManagement.knownKeys(organizationId, [apiKeyId])).includes(apiKeyId);
    } catch (err) {
      this.logger.warn({ err }, 'key-management did not say whether a key exists; its usage reads as zero');
      return false;
    }
  }
}
