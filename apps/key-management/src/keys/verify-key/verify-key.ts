import { Inject, Injectable } from '@nestjs/common';
import type { VerifiedKey } from '@tollgate/contracts';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { organizationSnapshotOf } from '../../organizations/organization.js';
import { snapshotOfSecret } from '../api-key/snapshot-of.js';
import { DigestLookUps } from './digest-look-ups.js';

/** Looks up one digest in Postgres, for a gateway that does not know it. */
@Injectable()
export class VerifyKey {
  constructor(
    private readonly lookUps: DigestLookUps,
    @Inject(KEY_SNAPSHOT_WRITER) private readonly snapshots: Pick<KeySnapshotWriter, 'refill' | 'refillOrganization'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * The snapshots of the key that has one of the digests of a secret, and of its organisation; nulls if none
   * ever belonged to a key. For a key or a secret that must be refused the snapshot is a tombstone. Throws if Postgres
   * cannot be reached or too many look-ups wait.
   */
  async execute(
    digest: string,
    previousDigest: string | null = null,
    furtherDigests: readonly string[] = [],
  ): Promise<VerifiedKey> {
    const asked = [digest, ...(previousDigest === null ? [] : [previousDigest]), ...furtherDigests];
    // All are asked for in one turn, and so by one query.
    const found = (await Promise.all(asked.map((each) => this.lookUps.find(each)))).find((key) => key !== null) ?? null;
    if (found === null) return { snapshot: null, organization: null };
    const [snapshot, organization] = [
      snapshotOfSecret(found.key, found.secret),
      organizationSnapshotOf(found.organization),
    ];
    // The gateway did not find the snapshot in Redis, so it is written there again; the reply does not wait for that.
    // The organisation goes first: a gateway that finds a key without its organisation asks once more.
    this.snapshots
      .refillOrganization(organization)
      .then(() => this.snapshots.refill(snapshot))
      .catch((err: unknown) => this.logger.debug({ err }, 'a snapshot was not put back'));
    return { snapshot, organization };
  }
}
