import { Inject, Injectable } from '@nestjs/common';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import { InternalCallError } from '@tollgate/http';

/**
 * Knows whether secrets of other products may be those of keys. Without imported keys a token that has not our form is
 * nobody's, and nothing is looked up or kept for it.
 */
@Injectable()
export class ImportedKeysKnown {
  private last = true;

  constructor(
    @Inject(KEY_MANAGEMENT_API) private readonly keyManagement: Pick<KeyManagementApi, 'mayHaveImportedKeys'>,
  ) {}

  /** What key-management says; while it cannot be asked, what it said last, and at first that there may be some. */
  async mayExist(): Promise<boolean> {
    try {
      this.last = await this.keyManagement.mayHaveImportedKeys();
    } catch (error) {
      // One of the release before does not know the question, and has none.
      if (error instanceof InternalCallError && error.refusal?.status === 404) this.last = false;
    }
    return this.last;
  }
}
