import { Injectable } from '@nestjs/common';
import { NOBODY } from '@tollgate/auth';
import type { LeakedKeyOutcome } from '@tollgate/contracts';
import { isUsable, presentSecret, revoked, stateOf, type ApiKey } from '../api-key/api-key.js';
import { withSecretLeaked } from '../rotate-key/rotation.js';
import { KeyMeter } from '../../metrics.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore, type SnapshotEntries } from '../../store/key-store.js';
import { Members } from '../../store/members.js';

/** Keys revoked in one transaction. It is small, so that a concurrent revoke never waits long for the row locks. */
const KEYS_PER_TRANSACTION = 100;

/**
 * Revokes every key whose present secret was found in a leak. If it was another secret of the key, that one ends, and
 * the key lives on. For a key or a secret that had ended before, gateways are told that it leaked, and abort its
 * requests in flight. Digests that belong to no key are ignored.
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
    const leaked = new Set(digests);
    const concerned = [...known.values()].filter((key) => afterLeak(key, leaked, now) !== null);
    const { current, ended, written } = await this.revoke(origin, concerned, leaked, now);
    const waiting = (await this.relay.snapshotsWritten(written))
      ? new Set<string>()
      : await this.store.keysWaiting(written);
    const owners = await this.members.ownerEmails([...new Set([...known.values()].map((key) => key.organizationId))]);
    const outcomes = digests.map((digest): LeakedKeyOutcome => {
      const before = known.get(digest);
      if (before === undefined) return { digest, outcome: 'unknown', key: null };
      const key = current.get(before.id) ?? before;
      // If another call ended it after our look-up, that call waits for the tombstone.
      const outcome = waiting.has(key.id) ? 'pending' : ended.has(digest) ? 'revoked' : 'already_revoked';
      return { digest, outcome, key: described(key, digest, owners.get(key.organizationId) ?? [], now) };
    });
    this.meter.leakedDigests(outcomes);
    return outcomes;
  }

  private async revoke(
    origin: string,
    keys: readonly ApiKey[],
    leaked: ReadonlySet<string>,
    now: Date,
  ): Promise<{ current: Map<string, ApiKey>; ended: Set<string>; written: SnapshotEntries }> {
    const current = new Map<string, ApiKey>();
    const ended = new Set<string>();
    const written: string[] = [];
    for (const { organizationId, ids } of chunksOf(keys)) {
      const chunk = await this.store.change(organizationId, ids, (key) => {
        const after = afterLeak(key, leaked, now);
        if (after === null) return null;
        for (const digest of usableDigestsOf(key, now)) if (leaked.has(digest)) ended.add(digest);
        const change = after.revocation?.reason === 'leaked' ? 'leaked' : 'secret_leaked';
        return { change, key: after, actor: NOBODY, details: { origin }, at: now };
      });
      for (const key of chunk.keys) current.set(key.id, key);
      written.push(...chunk.written);
    }
    return { current, ended, written };
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

/**
 * The key after secrets of these digests were found in a leak; null if nothing changes. Which secret is the present one
 * is decided under the lock of the key: a rotation may have come before.
 */
function afterLeak(key: ApiKey, leaked: ReadonlySet<string>, now: Date): ApiKey | null {
  // All requests of a leaked key are ended already.
  if (key.revocation?.reason === 'leaked') return null;
  const found = key.secrets.filter(({ digests }) => digests.some((digest) => leaked.has(digest)));
  if (found.includes(presentSecret(key))) return revoked(key, 'leaked', now);
  const after = found.reduce((sofar, { id }) => withSecretLeaked(sofar, id, now) ?? sofar, key);
  // However many secrets end, it is one change of the key.
  return after === key ? null : { ...after, version: key.version + 1 };
}

/** The digests by which somebody could use the key at this moment. */
function usableDigestsOf(key: ApiKey, now: Date): readonly string[] {
  if (key.revocation !== null) return [];
  return key.secrets.flatMap((secret) => (isUsable(secret, now) ? secret.digests : []));
}

function described(key: ApiKey, digest: string, ownerEmails: string[], now: Date): LeakedKeyOutcome['key'] {
  const identity = { apiKeyId: key.id, organizationId: key.organizationId, name: key.name, ownerEmails };
  const secret = key.secrets.find(({ digests }) => digests.includes(digest));
  if (secret?.end?.reason === 'leaked' && key.revocation?.reason !== 'leaked') {
    return {
      ...identity,
      maskedKey: secret.maskedKey,
      revokedAt: secret.end.at.toISOString(),
      formerSecret: { id: secret.id, keyIsLive: ['active', 'disabled'].includes(stateOf(key, now)) },
    };
  }
  // Every other key here is revoked; the fallback only satisfies the type.
  return { ...identity, maskedKey: key.maskedKey, revokedAt: (key.revocation?.at ?? key.createdAt).toISOString() };
}
