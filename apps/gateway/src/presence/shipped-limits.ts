import type { Admission } from '@tollgate/admission';
import {
  budgetAccountId,
  cycleOf,
  keyAccountId,
  organizationAccountId,
  type KeySnapshot,
  type OrganizationSnapshot,
} from '@tollgate/api-key';
import type { KeyChangeListener } from '@tollgate/key-snapshots';
import type { Logger } from '@tollgate/telemetry';
import type { Shipper } from '../journal/shipper.js';
import { evictOldest } from '../request-path/exchange/evict-oldest.js';

/** The most limits that are remembered as confirmed; one that is forgotten is confirmed again with its next change. */
const CONFIRMED_MAX = 10_000;

/** Names the account of a limit without a cycle. */
const NO_CYCLE = cycleOf('never', 0);

/**
 * Confirms to usage-billing, for each limit that is set on a key in use, an organisation, a group or a project, that
 * all usage of before this gateway knew the limit is on the bus. A limit counts what was spent before it; a call that
 * ended a moment ago would else be missing from that sum, and as much more be admitted. It must follow the changes
 * after the cache of keys, so that a call that begins after a confirmation is under the limit.
 */
export class ShippedLimits implements KeyChangeListener {
  /** By limit, the version of it that was confirmed last. */
  readonly #confirmed = new Map<string, number>();

  constructor(
    private readonly admission: Pick<Admission, 'confirmShipped'>,
    private readonly shipper: Pick<Shipper, 'flush'>,
    private readonly journalId: string,
    private readonly logger: Logger,
  ) {}

  changed(snapshot: KeySnapshot): void {
    if (snapshot.state === 'revoked') return;
    void this.#confirm(snapshot.organizationId, keyAccountId(snapshot.apiKeyId), snapshot.creditGeneration);
  }

  organizationChanged({ organizationId, capGeneration, budgets = [] }: OrganizationSnapshot): void {
    void this.#confirm(organizationId, organizationAccountId(organizationId), capGeneration);
    for (const { kind, ownerId, generation } of budgets)
      void this.#confirm(organizationId, budgetAccountId(kind, ownerId, NO_CYCLE), generation);
  }

  forget(): void {
    // usage-billing does not wait long for a gateway that could not read the change.
  }

  gap(): void {
    // Nor for one that missed it.
  }

  /** A change that follows the limit's at once may be all that is heard: only the newest snapshot is written. */
  async #confirm(organizationId: string, limitId: string, generation = 0): Promise<void> {
    if ((this.#confirmed.get(limitId) ?? 0) >= generation) return;
    evictOldest(this.#confirmed, CONFIRMED_MAX);
    this.#confirmed.set(limitId, generation);
    try {
      await this.shipper.flush();
      await this.admission.confirmShipped(organizationId, limitId, generation, this.journalId);
    } catch (error) {
      this.#confirmed.delete(limitId);
      this.logger.warn({ organizationId, limitId, err: error }, 'usage of before a limit could not be confirmed');
    }
  }
}
