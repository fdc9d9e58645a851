import { Inject, Injectable } from '@nestjs/common';
import { pepperId } from '@tollgate/api-key';
import type { AddedDigest } from '@tollgate/contracts';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { digestsOf } from '../api-key/api-key.js';
import { KeyStore } from '../../store/key-store.js';

/** Keys changed in one transaction. It is small, so that a concurrent revoke never waits long for the row locks. */
const KEYS_PER_TRANSACTION = 100;

/**
 * While a pepper is being replaced, a key that is used gains the digest of its secret under the present pepper. It
 * keeps the one under the previous pepper: gateways that were not replaced yet know it by that alone.
 */
@Injectable()
export class AddDigests {
  private readonly pepperId: string;

  constructor(
    private readonly store: KeyStore,
    @Inject(KEY_MANAGEMENT_SETTINGS) { peppers: [present] }: KeyManagementSettings,
  ) {
    this.pepperId = pepperId(present);
  }

  /**
   * Resolves when the digests are committed; the relay then writes the snapshots with all digests. Pairs whose key is
   * unknown, is revoked or has the digest already are passed over, so it is safe to repeat.
   */
  async execute(digests: readonly AddedDigest[]): Promise<void> {
    const known = await this.store.findByDigests(digests.map((each) => each.known));
    const byOrganization = new Map<string, AddedDigest[]>();
    for (const pair of digests) {
      const key = known.get(pair.known);
      if (key === undefined || key.revocation !== null || digestsOf(key).includes(pair.added)) continue;
      byOrganization.set(key.organizationId, [...(byOrganization.get(key.organizationId) ?? []), pair]);
    }
    for (const [organizationId, pairs] of byOrganization) {
      for (let at = 0; at < pairs.length; at += KEYS_PER_TRANSACTION)
        await this.store.addDigests(organizationId, pairs.slice(at, at + KEYS_PER_TRANSACTION), this.pepperId);
    }
  }
}
