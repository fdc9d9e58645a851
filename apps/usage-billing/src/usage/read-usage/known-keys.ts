import { Inject, Injectable, Optional } from '@nestjs/common';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import { LOGGER, type Logger } from '@tollgate/telemetry';

/** Which ids are of keys, asked of key-management: the ledger knows only of keys that were charged. */
@Injectable()
export class KnownKeys {
  constructor(
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'knownKeys'> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * True where no key of the organisation ever had this id, deleted keys included. False as well where nobody can say:
   * the ledger's zeros are true all the same.
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
