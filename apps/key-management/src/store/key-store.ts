import { Inject, Injectable } from '@nestjs/common';
import { uuid, type AddedDigest } from '@tollgate/contracts';
import { momentText, Outbox, ServiceDatabase, type LookUps } from '@tollgate/postgres';
import type { KeySnapshot } from '@tollgate/api-key';
import type { EntityManager } from 'typeorm';
import type { ApiKey, KeySecret } from '../keys/api-key/api-key.js';
import { keysChangedEvent, type KeyChange } from '../keys/api-key/key-change.js';
import { changeNotices } from '../keys/api-key/key-notice.js';
import { secretTombstoneOf, snapshotOf } from '../keys/api-key/snapshot-of.js';
import { KEYS_SCHEMA, PUBLISH_CHANGE, WRITE_SNAPSHOT } from './outbox-effects.js';
import type { OrganizationEntry } from '../audit/audit-entry.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { auditEntryOf } from '../keys/api-key/key-audit.js';
import { makerOf } from '../members/maker.js';
import type { OrganizationState } from '../organizations/organization.js';
import { columnsOf, limitColumnOf } from './key-columns.js';
import { limitEntries } from './limit-change.js';
import { keyOf, organizationOf, SELECT_KEY, type FoundKeyRow, type KeyRow } from './key-row.js';

/** Token of the `LookUps`, which run queries for unauthenticated callers at low priority. */
export const LOOK_UPS = Symbol('LOOK_UPS');

/** A change of a key with the key before it; null for a new one. */
interface KeyChangeFrom {
  readonly before: ApiKey | null;
  readonly change: KeyChange;
}

/**
 * Ids of the outbox entries that will write the snapshots of one transaction: one for each changed key, and one for
 * each of its secrets that ended.
 */
export type SnapshotEntries = readonly string[];

/** What becomes of a key that is locked; null if it does not change. What it throws undoes the whole transaction. */
type DecideKey = (key: ApiKey) => KeyChange | null;

/** Keys as they are after changes, and the outbox entries of the snapshots that were written; none if none changed. */
export interface ChangedKeys {
  readonly keys: readonly ApiKey[];
  readonly written: SnapshotEntries;
}

/** A key with the fields of its organisation that a gateway needs, both read by one statement. */
export interface FoundKey {
  readonly key: ApiKey;
  /** The secret whose digest was asked for; it may have ended. */
  readonly secret: KeySecret;
  readonly organization: OrganizationState;
}

/** Where a key stands in a list: when it was created, to the microsecond, and its id. */
export type KeyPosition = readonly [createdAt: string, id: string];

/** Stores keys, their audit trail and their outbox. One transaction writes all three for each change of a key. */
@Injectable()
export class KeyStore {
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly audit = new AuditTrail();

  /** `lookUps` runs the queries for unauthenticated callers; all other queries go before them. */
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(LOOK_UPS) private readonly lookUps: LookUps,
  ) {}

  /** The key with this id; null if there is none or it is deleted. */
  async find(organizationId: string, id: string): Promise<ApiKey | null> {
    const [key] = await this.notDeletedAmong(organizationId, [id]);
    return key ?? null;
  }

  /** Where the key stands that had this place in lists of release 0.1.0. Index: api_key_position_unique. */
  async positionOfFormer(organizationId: string, formerPosition: bigint): Promise<KeyPosition | null> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ created_at_text: string; id: string }[]>(
        `SELECT id, ${momentText('created_at')} AS created_at_text FROM keys.api_key WHERE position = $1 AND organization_id = $2`,
        [formerPosition.toString(), organizationId],
      ),
    );
    return rows[0] === undefined ? null : [rows[0].created_at_text, rows[0].id];
  }

  /** The keys with these ids, in their order, without deleted ones. */
  async findAll(organizationId: string, ids: readonly string[]): Promise<ApiKey[]> {
    const keys = await this.notDeletedAmong(organizationId, ids);
    const found = new Map(keys.map((key) => [key.id, key]));
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /** Those of these keys that are not deleted, in any order. Index: api_key_of_organization_unique. */
  private async notDeletedAmong(organizationId: string, ids: readonly string[]): Promise<ApiKey[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<KeyRow[]>(
        `${SELECT_KEY} WHERE k.id = ANY($1::uuid[]) AND k.organization_id = $2 AND k.deleted_at IS NULL`,
        [ids, organizationId],
      ),
    );
    return rows.map(keyOf);
  }

  /** The ids among these that keys have, deleted ones too. Index: api_key_of_organization_unique. */
  async known(organizationId: string, ids: readonly string[]): Promise<string[]> {
    const uuids = ids.filter((id) => uuid.safeParse(id).success);
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ id: string }[]>(
        'SELECT id FROM keys.api_key WHERE id = ANY($1::uuid[]) AND organization_id = $2',
        [uuids, organizationId],
      ),
    );
    return rows.map((row) => row.id);
  }

  /** The ids of at most `count` keys that are not deleted. Index: api_key_newest. */
  async notDeleted(organizationId: string, count: number): Promise<string[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ id: string }[]>(
        `SELECT id FROM keys.api_key WHERE organization_id = $1 AND deleted_at IS NULL
         ORDER BY created_at DESC, id DESC LIMIT $2`,
        [organizationId, count],
      ),
    );
    return rows.map((row) => row.id);
  }

  /** The keys of these digests, by digest, of any organisation, deleted ones and those of ended secrets too. */
  async findByDigests(digests: readonly string[]): Promise<Map<string, ApiKey>> {
    const rows = await this.database.lookUp<KeyRow>(BY_DIGESTS, digests);
    return byDigest(rows.map(keyOf), (key) => key);
  }

  /**
   * The keys of these digests with their organisations, for unauthenticated callers: all other use of the database goes
   * first. Deleted keys and secrets that have ended are among them: the caller looks at what was found.
   */
  async lookUp(digests: readonly string[]): Promise<Map<string, FoundKey>> {
    const rows = await this.lookUps.ask<FoundKeyRow>(`${KEYS_SCHEMA}.${BY_DIGESTS}`, digests);
    const organizations = new Map(rows.map((row) => [row.organization_id, organizationOf(row)]));
    return byDigest(rows.map(keyOf), (key, secret) => ({
      key,
      secret,
      organization: organizations.get(key.organizationId)!,
    }));
  }

  /** Writes a new key in a transaction about its organisation. `pepperIds` are those of its digests, in their order. */
  async insert(manager: EntityManager, change: KeyChange, pepperIds: readonly string[]): Promise<SnapshotEntries> {
    const key = await insertKey(manager, change, pepperIds);
    return this.recordConsequences(manager, [{ before: null, change: { ...change, key } }]);
  }

  /**
   * Locks the organisation's keys among these ids, calls `decide` for each, and writes the changes with the groups that
   * the keys are in then, all in one transaction. `decide` returns null if a key does not change. Resolves with the
   * keys as they are now.
   */
  async change(organizationId: string, ids: readonly string[], decide: DecideKey): Promise<ChangedKeys> {
    return this.database.inOrganization(organizationId, (manager) =>
      this.changeIn(manager, organizationId, ids, decide),
    );
  }

  /**
   * The same in the caller's transaction about the organisation, which ends with it: heads of chains are locked.
   * `pepperIds` are those of the digests of new secrets, in their order. `audited` says what the trail has
   * of the changes; without it, each has an entry.
   */
  async changeIn(
    manager: EntityManager,
    organizationId: string,
    ids: readonly string[],
    decide: DecideKey,
    pepperIds: readonly string[] = [],
    audited?: (changes: readonly KeyChange[]) => readonly OrganizationEntry[],
  ): Promise<ChangedKeys> {
    await lockKeys(manager, organizationId, ids);
    // Read only now: a statement that waited for a lock still sees the secrets as they were before.
    const rows: KeyRow[] = await manager.query(
      `${SELECT_KEY} WHERE k.id = ANY($1::uuid[]) AND k.organization_id = $2 ORDER BY k.id`,
      [ids, organizationId],
    );
    const decided = rows.map(keyOf).map((before) => ({ before, change: decide(before) }));
    const changes = decided.flatMap(({ before, change }) => (change === null ? [] : [{ before, change }]));
    await updateKeys(
      manager,
      changes.map(({ change: { key } }) => key),
    );
    await updateGroups(
      manager,
      organizationId,
      changes.map(({ before, change: { key } }) => ({ before, key })),
    );
    await updateSecrets(manager, changes, pepperIds);
    const written = await this.recordConsequences(manager, changes, audited);
    return { keys: decided.map(({ before, change }) => change?.key ?? before), written };
  }

  /**
   * Adds to keys of the organisation that are not revoked the digest `added` of the secret that they know as `known`.
   * Nobody but the gateways is told, for nothing else of the key changes. Indexes: api_key_secret_pk, api_key_pk.
   */
  async addDigests(organizationId: string, digests: readonly AddedDigest[], pepperId: string): Promise<void> {
    await this.database.inOrganization(organizationId, async (manager) => {
      const pairs = [digests.map(({ known }) => known), digests.map(({ added }) => added)];
      const owners: { api_key_id: string }[] = await manager.query(
        `SELECT api_key_id FROM keys.api_key_secret
         WHERE digest IN (SELECT decode(d, 'hex') FROM unnest($1::text[]) AS asked (d))`,
        [pairs[0]],
      );
      const ids = owners.map((row) => row.api_key_id);
      await lockKeys(manager, organizationId, ids);
      const gained: { api_key_id: string }[] = await manager.query(
        `INSERT INTO keys.api_key_secret (digest, organization_id, api_key_id, pepper_id, masked, created_at, secret_id, form, ends_at, end_when_idle_seconds)
         SELECT decode(pair.added, 'hex'), k.organization_id, s.api_key_id, $3, s.masked, s.created_at, s.secret_id, s.form, s.ends_at,
           s.end_when_idle_seconds
         FROM unnest($1::text[], $2::text[]) AS pair (known, added)
         JOIN keys.api_key_secret s ON s.digest = decode(pair.known, 'hex') AND s.ended_at IS NULL
         JOIN keys.api_key k ON k.id = s.api_key_id AND k.organization_id = $4 AND k.revoked_at IS NULL
         ON CONFLICT ON CONSTRAINT api_key_secret_pk DO NOTHING RETURNING api_key_id`,
        [...pairs, pepperId, organizationId],
      );
      if (gained.length === 0) return;
      const changed = gained.map((row) => row.api_key_id);
      await manager.query(
        'UPDATE keys.api_key SET version = version + 1, writer = version + 1 WHERE id = ANY($1::uuid[]) AND organization_id = $2',
        [changed, organizationId],
      );
      const rows: KeyRow[] = await manager.query(
        `${SELECT_KEY} WHERE k.id = ANY($1::uuid[]) AND k.organization_id = $2 ORDER BY k.id`,
        [changed, organizationId],
      );
      await this.writeSnapshots(
        manager,
        rows.map((row) => ({ key: keyOf(row), ended: [] })),
      );
    });
  }

  /** Outbox entries of this key's earlier changes whose snapshots are not written yet. Index: outbox_effect_key. */
  async unwrittenSnapshots({ id, secrets }: Pick<ApiKey, 'id' | 'secrets'>): Promise<SnapshotEntries> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ id: string }[]>(`SELECT id FROM keys.outbox WHERE effect = $1 AND key = ANY($2::text[])`, [
        WRITE_SNAPSHOT,
        [id, ...secrets.map((secret) => secretEntryKey(id, secret.id))],
      ]),
    );
    return rows.map((row) => row.id);
  }

  /** The ids of the keys of those entries that are not delivered yet. Index: outbox_pk. */
  async keysWaiting(entries: SnapshotEntries): Promise<Set<string>> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ key: string }[]>(`SELECT key FROM keys.outbox WHERE id = ANY($1::bigint[])`, [entries]),
    );
    return new Set(rows.map((row) => keyIdOfEntry(row.key)));
  }

  /** Writes the audit entries and the outbox entries of the changes. The heads of the chains are locked last. */
  private async recordConsequences(
    manager: EntityManager,
    changes: readonly KeyChangeFrom[],
    audited?: (changes: readonly KeyChange[]) => readonly OrganizationEntry[],
  ): Promise<SnapshotEntries> {
    if (changes.length === 0) return [];
    const written = await this.writeSnapshots(
      manager,
      changes.map(({ before, change: { key } }) => ({ key, ended: secretsEndedIn(before, key) })),
    );
    await this.outbox.add(
      manager,
      ...changes.flatMap(({ before, change }) => {
        const event = keysChangedEvent(change);
        const told =
          event === null ? [] : [{ effect: PUBLISH_CHANGE, key: change.key.id, payload: JSON.stringify(event) }];
        const { id: apiKeyId, organizationId, version } = change.key;
        const limit = limitEntries({ organizationId, apiKeyId, version, at: change.at }, before, change.key);
        return [...told, ...changeNotices(change), ...limit];
      }),
    );
    await this.audit.appendAll(
      manager,
      audited?.(changes.map(({ change }) => change)) ??
        changes.map(({ before, change }) => auditEntryOf(before, change)),
    );
    return written;
  }

  /**
   * A secret that ended has an entry of its own, in front of that of its key: the relay writes the newest entry of each
   * name alone, and both must be written.
   */
  private writeSnapshots(
    manager: EntityManager,
    changed: readonly { readonly key: ApiKey; readonly ended: readonly KeySecret[] }[],
  ): Promise<SnapshotEntries> {
    const entry = (name: string, snapshot: KeySnapshot) => ({
      effect: WRITE_SNAPSHOT,
      key: name,
      payload: JSON.stringify(snapshot),
    });
    return this.outbox.add(
      manager,
      ...changed.flatMap(({ key, ended }) => [
        ...ended.map((secret) => entry(secretEntryKey(key.id, secret.id), secretTombstoneOf(key, secret))),
        entry(key.id, snapshotOf(key)),
      ]),
    );
  }
}

/** The name of the outbox entries about one secret of a key. */
const secretEntryKey = (apiKeyId: string, secretId: string): string => `${apiKeyId}:${secretId}`;
const keyIdOfEntry = (name: string): string => name.split(':')[0]!;

/** The secrets whose end, or its reason, is new in `after`. */
function secretsEndedIn(before: ApiKey | null, after: ApiKey): KeySecret[] {
  const reasons = new Map(before?.secrets.map(({ id, end }) => [id, end?.reason]));
  return after.secrets.filter(({ id, end }) => end !== null && end.reason !== reasons.get(id));
}

/** All transactions lock keys in the same order, so that two of them never deadlock. Index: api_key_pk. */
async function lockKeys(manager: EntityManager, organizationId: string, ids: readonly string[]): Promise<void> {
  await manager.query(
    'SELECT 1 FROM keys.api_key WHERE id = ANY($1::uuid[]) AND organization_id = $2 ORDER BY id FOR UPDATE',
    [ids, organizationId],
  );
}

/** The function that finds keys before their organisation is known. */
const BY_DIGESTS = 'keys_by_digests';

function byDigest<T>(keys: readonly ApiKey[], found: (key: ApiKey, secret: KeySecret) => T): Map<string, T> {
  const pairs = keys.flatMap((key) =>
    key.secrets.flatMap((secret) => {
      const each = found(key, secret);
      return secret.digests.map((digest) => [digest, each] as const);
    }),
  );
  return new Map(pairs);
}

/** The member that made a key: $2 is the organisation, and $15 and $16 are the kind and the id of its maker. */
const MEMBER_OF_MAKER = `(SELECT m.id FROM keys.member m
       WHERE $15 = 'person' AND m.person_id = $16::uuid AND m.organization_id = $2)`;

/** Resolves with the key, whose member is its maker unless another one is named. Index: member_by_person. */
async function insertKey(
  manager: EntityManager,
  { key, actor: { principal } }: KeyChange,
  pepperIds: readonly string[],
): Promise<ApiKey> {
  const maker = principal === null ? null : makerOf(principal);
  const [inserted] = await manager.query<{ member_id: string | null }[]>(
    `INSERT INTO keys.api_key (id, organization_id, name, description, scopes, expires_at, credit_limit_nano_usd,
       requests_per_minute, tokens_per_minute, parallel_requests, models, allowed_ips, created_at, version,
       created_by_kind, created_by_id, kind, public_key, project_id, credit_reset, credit_generation, browser_use,
       rotate_every_days, disabled_at, credit_raise_nano_usd, credit_raise_until, member_id, subscription, writer)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, coalesce($27, ${MEMBER_OF_MAKER}), $28, $14)
     RETURNING member_id`,
    [
      key.id,
      key.organizationId,
      key.name,
      key.description,
      key.scopes,
      key.expiresAt,
      limitColumnOf(key),
      key.rateLimits.requestsPerMinute,
      key.rateLimits.tokensPerMinute,
      key.rateLimits.parallelRequests,
      key.models,
      key.allowedIps,
      key.createdAt,
      key.version,
      maker?.kind ?? null,
      maker?.id ?? null,
      key.kind,
      key.publicKey,
      key.projectId,
      key.creditReset,
      key.creditGeneration,
      key.browserUse,
      key.rotateEveryDays,
      key.disabledAt,
      key.creditRaise?.amountNanoUsd.toString() ?? null,
      key.creditRaise?.until ?? null,
      key.memberId,
      key.subscription === null ? null : JSON.stringify(key.subscription),
    ],
  );
  for (const secret of key.secrets) await insertSecret(manager, key, secret, pepperIds);
  await updateGroups(manager, key.organizationId, [{ before: null, key }]);
  return { ...key, memberId: inserted?.member_id ?? null };
}

/**
 * Puts keys into the groups that they are in after their changes, and takes them out of all others. A group that has
 * been deleted meanwhile gains no key. Indexes: group_key_by_key, group_key_pk, key_group_pk.
 */
async function updateGroups(
  manager: EntityManager,
  organizationId: string,
  changes: readonly { readonly before: ApiKey | null; readonly key: ApiKey }[],
): Promise<void> {
  const moved = changes.filter(({ before, key }) => (before?.groupIds ?? []).join() !== key.groupIds.join());
  if (moved.length === 0) return;
  const pairs = moved.flatMap(({ key }) => key.groupIds.map((group) => [key.id, group] as const));
  const kept = [pairs.map(([key]) => key), pairs.map(([, group]) => group)];
  await manager.query(
    `DELETE FROM keys.group_key WHERE organization_id = $1 AND api_key_id = ANY($2::uuid[])
       AND (api_key_id, group_id) NOT IN (SELECT * FROM unnest($3::uuid[], $4::uuid[]))`,
    [organizationId, moved.map(({ key }) => key.id), ...kept],
  );
  await manager.query(
    `INSERT INTO keys.group_key (organization_id, group_id, api_key_id)
     SELECT g.organization_id, g.id, pair.api_key_id
     FROM unnest($2::uuid[], $3::uuid[]) AS pair (api_key_id, group_id)
     JOIN keys.key_group g ON g.organization_id = $1 AND g.id = pair.group_id AND g.deleted_at IS NULL
     ON CONFLICT ON CONSTRAINT group_key_pk DO NOTHING`,
    [organizationId, ...kept],
  );
}

/** Writes a secret of a key. `pepperIds` are those of its digests, in their order. */
async function insertSecret(
  manager: EntityManager,
  key: Pick<ApiKey, 'id' | 'organizationId'>,
  secret: KeySecret,
  pepperIds: readonly string[],
): Promise<void> {
  await manager.query(
    `INSERT INTO keys.api_key_secret (digest, organization_id, api_key_id, pepper_id, masked, created_at, secret_id, form)
     SELECT decode(d, 'hex'), $2, $3, pepper_id, $5, $6, $7, $8 FROM unnest($1::text[], $4::text[]) AS secret (d, pepper_id)`,
    [
      secret.digests,
      key.organizationId,
      key.id,
      pepperIds,
      secret.maskedKey,
      secret.createdAt,
      secret.id === key.id ? null : secret.id,
      secret.form,
    ],
  );
}

/** Writes the secrets that keys gained, and how the others end. Index: api_key_secret_by_key. */
async function updateSecrets(
  manager: EntityManager,
  changes: readonly KeyChangeFrom[],
  pepperIds: readonly string[],
): Promise<void> {
  const ends: object[] = [];
  for (const { before, change } of changes) {
    const known = new Map(before?.secrets.map((secret) => [secret.id, secret]));
    for (const secret of change.key.secrets) {
      if (!known.has(secret.id)) await insertSecret(manager, change.key, secret, pepperIds);
      else if (known.get(secret.id) !== secret) ends.push(endColumnsOf(change.key, secret));
    }
  }
  if (ends.length === 0) return;
  await manager.query(
    `UPDATE keys.api_key_secret s
     SET ends_at = c.ends_at, end_when_idle_seconds = c.end_when_idle_seconds, ended_at = c.ended_at, end_reason = c.end_reason
     FROM jsonb_to_recordset($1::jsonb) AS c (api_key_id uuid, id uuid, ends_at timestamptz, end_when_idle_seconds integer,
       ended_at timestamptz, end_reason text)
     WHERE s.api_key_id = c.api_key_id AND coalesce(s.secret_id, s.api_key_id) = c.id`,
    [JSON.stringify(ends)],
  );
}

const endColumnsOf = ({ id }: ApiKey, secret: KeySecret): object => ({
  api_key_id: id,
  id: secret.id,
  ends_at: secret.endsAt,
  end_when_idle_seconds: secret.endWhenIdleSeconds,
  ended_at: secret.end?.at ?? null,
  end_reason: secret.end?.reason ?? null,
});

/**
 * Writes all columns that can change, so that Postgres never differs from the snapshot. The organisation and the
 * creation time of a key never change here. Index: api_key_pk.
 */
async function updateKeys(manager: EntityManager, keys: readonly ApiKey[]): Promise<void> {
  if (keys.length === 0) return;
  await manager.query(
    `UPDATE keys.api_key k
     SET version = c.version, name = c.name, description = c.description, scopes = c.scopes, expires_at = c.expires_at,
       credit_limit_nano_usd = c.credit_limit_nano_usd, requests_per_minute = c.requests_per_minute,
       tokens_per_minute = c.tokens_per_minute, parallel_requests = c.parallel_requests, models = c.models,
       allowed_ips = c.allowed_ips, project_id = c.project_id, subscription = c.subscription, credit_reset = c.credit_reset,
       credit_generation = c.credit_generation, credit_raise_nano_usd = c.credit_raise_nano_usd,
       credit_raise_until = c.credit_raise_until, browser_use = c.browser_use, rotate_every_days = c.rotate_every_days,
       disabled_at = c.disabled_at, writer = c.version, revoked_at = c.revoked_at, revoke_reason = c.revoke_reason, deleted_at = c.deleted_at
     FROM jsonb_to_recordset($1::jsonb) AS c (id uuid, version integer, name text, description text, scopes text[],
       expires_at timestamptz, credit_limit_nano_usd bigint, requests_per_minute integer, tokens_per_minute integer,
       parallel_requests integer, models text[], allowed_ips text[], project_id uuid, subscription jsonb, credit_reset text,
       credit_generation integer, credit_raise_nano_usd bigint, credit_raise_until timestamptz, browser_use text, rotate_every_days integer, disabled_at timestamptz, revoked_at timestamptz,
       revoke_reason text, deleted_at timestamptz)
     WHERE k.id = c.id`,
    [JSON.stringify(keys.map(columnsOf))],
  );
}
