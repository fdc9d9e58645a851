import type { KeyManagementApi } from '@tollgate/contracts';
import type { Logger } from '@tollgate/telemetry';

/** Which ids are of keys, asked of key-management: the ledger knows only of keys that were charged. */
export class KnownKeys {
  /** `keyManagement` is asked at the time of the call: in one process the modules refer to one another. */
  constructor(
    private readonly keyManagement: () => Pick<KeyManagementApi, 'knownKeys'> | undefined,
    private readonly logger: Logger,
  ) {}

  /**
   * True where no key of the organisation ever had this id, deleted keys included. False as well where nobody can say:
   * the ledger's zeros are true all the same.
   */
  async isNobodys(organizationId: string, apiKeyId: string): Promise<boolean> {
    const keyManagement = this.keyManagement();
    if (keyManagement === undefined) return false;
    try {
      return !(await keyManagement.knownKeys(organizationId, [apiKeyId])).includes(apiKeyId);
    } catch (err) {
      this.logger.warn({ err }, 'key-management did not say whether a key exists; its usage reads as zero');
      return false;
    }
  }
}
