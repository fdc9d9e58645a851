import { Injectable } from '@nestjs/common';
import { NOBODY } from '@tollgate/auth';
import type { LeakedKeyOutcome } from '@tollgate/contracts';
import { revoked, type ApiKey } from '../api-key/api-key.js';
import { KeyMeter } from '../../metrics.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore, type SnapshotEntries } from '../../store/key-store.js';
import { Members } from '../../store/members.js';

/** Keys revoked in one transaction. It is small, so that a concurrent revoke never waits long for the row locks. */
const KEYS_PER_TRANSACTION = 100;

/**
 * Revokes every key whose digest was found in a leak. For a key that was already revoked, gateways are told that it
 * leaked, and abort its requests in flight. Digests that belong to no key are ignored.
 */
@Injectable()
export class RevokeLeakedKeys {
  constructor(
    private readonly store: KeyStore,
    private readonly members: Members,
    private readonly relay: KeyRelay,
    private readonly meter: KeyMeter,
  ) {}

  /**
   * Resolves with one outcome for each digest, in order. It is safe to repeat. After the last commit it waits at most
   * 2 s for all tombstones; keys whose tombstone is not written by then are `pending`. `origin` names who reported the
   * leak, for the audit trail.
   */
  async execute(origin: string, digests: readonly string[], now: Date): Promise<LeakedKeyOutcome[]> {
    const known = await this.store.findByDigests(digests);
    const concerned = [...known.values()].filter((key) => revoked(key, 'leaked', now) !== null);
    const { current, revokedIds, written } = await this.revoke(origin, concerned, now);
    const waiting = (await this.relay.snapshotsWritten(written))
      ? new Set<string>()
      : await this.store.keysWaiting(written);
    const owners = await this.members.ownerEmails([...new Set([...known.values()].map((key) => key.organizationId))]);
    const outcomes = digests.map((digest): LeakedKeyOutcome => {
      const before = known.get(digest);
      if (before === undefined) return { digest, outcome: 'unknown', key: null };
      const key = current.get(before.id) ?? before;
      // If another call revoked the key after our look-up, that call waits for the tombstone.
      const outcome = waiting.has(key.id) ? 'pending' : revokedIds.has(key.id) ? 'revoked' : 'already_revoked';
      return { digest, outcome, key: described(key, owners.get(key.organizationId) ?? []) };
    });
    this.meter.leakedDigests(outcomes);
    return outcomes;
  }

  private async revoke(
    origin: string,
    keys: readonly ApiKey[],
    now: Date,
  ): Promise<{ current: Map<string, ApiKey>; revokedIds: Set<string>; written: SnapshotEntries }> {
    const current = new Map<string, ApiKey>();
    const revokedIds = new Set<string>();
    const written: string[] = [];
    for (const { organizationId, ids } of chunksOf(keys)) {
      const chunk = await this.store.change(organizationId, ids, (key) => {
        const after = revoked(key, 'leaked', now);
        if (after === null) return null;
        if (key.revocation === null) revokedIds.add(key.id);
        return {
          change: 'leaked',
          key: after,
          actor: NOBODY,
          details: { origin },
          at: now,
        };
      });
      for (const key of chunk.keys) current.set(key.id, key);
      written.push(...chunk.written);
    }
    return { current, revokedIds, written };
  }
}

/** Splits the keys by organisation, and into parts that fit one transaction. */
function* chunksOf(keys: readonly ApiKey[]): Generator<{ readonly organizationId: string; readonly ids: string[] }> {
  const byOrganization = new Map<string, Set<string>>();
  for (const { id, organizationId } of keys) {
    byOrganization.set(organizationId, (byOrganization.get(organizationId) ?? new Set()).add(id));
  }
  for (const [organizationId, all] of byOrganization) {
    const ids = [...all];
    for (let at = 0; at < ids.length; at += KEYS_PER_TRANSACTION) {
      yield { organizationId, ids: ids.slice(at, at + KEYS_PER_TRANSACTION) };
    }
  }
}

function described(key: ApiKey, ownerEmails: string[]): LeakedKeyOutcome['key'] {
  return {
    apiKeyId: key.id,
    organizationId: key.organizationId,
    name: key.name,
    maskedKey: key.maskedKey,
    // Every key here is revoked; the fallback only satisfies the type.
    revokedAt: (key.revocation?.at ?? key.createdAt).toISOString(),
    ownerEmails,
  };
}
