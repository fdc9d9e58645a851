import type { Admission } from '@tollgate/admission';
import { keyAccountId, organizationAccountId, type KeySnapshot, type OrganizationSnapshot } from '@tollgate/api-key';
import type { KeyChangeListener } from '@tollgate/key-snapshots';
import type { Logger } from '@tollgate/telemetry';
import type { Shipper } from '../journal/shipper.js';

/**
 * Confirms to usage-billing, for each limit that is set on a key in use or on an organisation, that all usage of before
 * this gateway knew the limit is on the bus. A limit counts what was spent before it; a call that ended a moment ago
 * would else be missing from that sum, and as much more be admitted. It must follow the changes after the cache of
 * keys, so that a call that begins after a confirmation is under the limit.
 */
export class ShippedLimits implements KeyChangeListener {
  constructor(
    private readonly admission: Pick<Admission, 'confirmShipped'>,
    private readonly shipper: Pick<Shipper, 'flush'>,
    private readonly journalId: string,
    private readonly logger: Logger,
  ) {}

  changed(snapshot: KeySnapshot): void {
    // Another version than the limit's has other news.
    if (snapshot.state === 'revoked' || snapshot.creditGeneration !== snapshot.version) return;
    void this.#confirm(snapshot.organizationId, keyAccountId(snapshot.apiKeyId), snapshot.version);
  }

  organizationChanged({ organizationId, version, capGeneration }: OrganizationSnapshot): void {
    if (capGeneration === version) void this.#confirm(organizationId, organizationAccountId(organizationId), version);
  }

  forget(): void {
    // usage-billing does not wait long for a gateway that could not read the change.
  }

  gap(): void {
    // Nor for one that missed it.
  }

  async #confirm(organizationId: string, limitId: string, generation: number): Promise<void> {
    try {
      await this.shipper.flush();
      await this.admission.confirmShipped(organizationId, limitId, generation, this.journalId);
    } catch (error) {
      this.logger.warn({ organizationId, limitId, err: error }, 'usage of before a limit could not be confirmed');
    }
  }
}
