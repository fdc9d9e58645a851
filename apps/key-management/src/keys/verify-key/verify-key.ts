import { Inject, Injectable } from '@nestjs/common';
import type { VerifiedKey } from '@tollgate/contracts';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { organizationSnapshotOf } from '../../organizations/organization.js';
import { snapshotOf } from '../api-key/snapshot-of.js';
import { DigestLookUps } from './digest-look-ups.js';

/** The authority's answer about one digest, from Postgres. */
@Injectable()
export class VerifyKey {
  constructor(
    private readonly lookUps: DigestLookUps,
    @Inject(KEY_SNAPSHOT_WRITER) private readonly snapshots: Pick<KeySnapshotWriter, 'refill' | 'refillOrganization'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * The key's snapshot, a tombstone where it must be refused, with its organisation's; nulls where no key ever answered
   * to the digest. Throws where Postgres cannot be asked, or too many ask at once.
   */
  async execute(digest: string): Promise<VerifiedKey> {
    const found = await this.lookUps.find(digest);
    if (found === null) return { snapshot: null, organization: null };
    const [snapshot, organization] = [snapshotOf(found.key), organizationSnapshotOf(found.organization)];
    // Who asks has not found it where snapshots are kept; the answer does not wait for it to be put back. The
    // organisation goes first: a key that is found without it is asked for once more.
    this.snapshots
      .refillOrganization(organization)
      .then(() => this.snapshots.refill(snapshot))
      .catch((err: unknown) => this.logger.debug({ err }, 'a snapshot was not put back'));
    return { snapshot, organization };
  }
}
