import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { oneRow, Outbox, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../../audit/audit-trail.js';
import { makerOf } from '../../members/maker.js';
import { OrganizationStore } from '../../organizations/organization-store.js';
import { columnsOf } from '../../store/key-columns.js';
import { keyOf, SELECT_KEY, type KeyRow } from '../../store/key-row.js';
import type { SnapshotEntries } from '../../store/key-store.js';
import { KEYS_SCHEMA, PUBLISH_CHANGE, WRITE_SNAPSHOT } from '../../store/outbox-effects.js';
import type { ApiKey } from '../api-key/api-key.js';
import { keysChangedEvent } from '../api-key/key-change.js';
import { snapshotOf } from '../api-key/snapshot-of.js';

/** For how long an import that nobody works on keeps what it has staged. */
export const LEASE_SECONDS = 30;

/** One import of one organisation. */
export interface ImportOf {
  readonly organizationId: string;
  readonly id: string;
}

/** An import that has not ended, and nobody works on. */
export interface LeftImport extends ImportOf {
  readonly live: boolean;
  readonly pieces: number;
  readonly announced: number;
}

/** A key of another organisation or of this one, or of an import under way, has a digest. */
export interface TakenDigest {
  readonly digest: string;
  readonly staged: boolean;
}

/** Imports, and the keys that they stage. Each method is one small transaction. */
@Injectable()
export class ImportStore {
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly organizations: OrganizationStore,
  ) {}

  /** Notes an import that begins. */
  async begin({ organizationId, id }: ImportOf, actor: Actor, now: Date): Promise<void> {
    await this.database.inOrganization(organizationId, async (manager) => {
      await this.organizations.keep(manager, organizationId);
      await manager.query(
        `INSERT INTO keys.key_import (organization_id, id, actor, created_at, lease_until)
         VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
        [organizationId, id, JSON.stringify(actor), now, LEASE_SECONDS],
      );
    });
  }

  /** Keeps others from taking the import for one that was left. Index: key_import_pk. */
  async renew({ organizationId, id }: ImportOf): Promise<void> {
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query(
        `UPDATE keys.key_import SET lease_until = now() + make_interval(secs => $3)
         WHERE organization_id = $1 AND id = $2 AND abandoned_at IS NULL`,
        [organizationId, id, LEASE_SECONDS],
      ),
    );
  }

  /** Those of these digests that are taken already, by whomever. */
  async taken(digests: readonly string[]): Promise<ReadonlyMap<string, TakenDigest>> {
    const rows = await this.database.lookUp<TakenDigest>('taken_digests', digests);
    return new Map(rows.map((row) => [row.digest, row]));
  }

  /**
   * Writes keys that nobody sees yet as the piece of this number. Resolves with the digests that another import took in
   * the same moment: then not all of the piece is there, and the import cannot become live. Index: key_import_pk.
   * @throws {ImportAbandonedError}
   */
  async stage(
    { organizationId, id }: ImportOf,
    piece: number,
    keys: readonly ApiKey[],
    actor: Actor,
    pepperIds: readonly string[],
  ): Promise<readonly string[]> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const counted: unknown[] = await manager.query(
        `WITH counted AS (
           UPDATE keys.key_import SET pieces = $3, lease_until = now() + make_interval(secs => $4)
           WHERE organization_id = $1 AND id = $2 AND abandoned_at IS NULL AND live_at IS NULL RETURNING id)
         SELECT id FROM counted`,
        [organizationId, id, piece, LEASE_SECONDS],
      );
      if (counted.length === 0) throw new ImportAbandonedError();
      await insertKeys(manager, { organizationId, id }, piece, keys, actor);
      await insertGroups(manager, { organizationId, id }, keys);
      return insertSecrets(manager, organizationId, keys, pepperIds);
    });
  }

  /**
   * Makes all keys of the import live at once: one row changes. `allow` is asked in the same transaction, and what it
   * throws leaves them as they are. Index: key_import_pk.
   * @throws {ImportAbandonedError}
   */
  async makeLive(
    { organizationId, id }: ImportOf,
    allow: (manager: EntityManager) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    await this.database.inOrganization(organizationId, async (manager) => {
      await this.organizations.keep(manager, organizationId);
      await allow(manager);
      const live: unknown[] = await manager.query(
        `WITH live AS (
           UPDATE keys.key_import SET live_at = now() WHERE organization_id = $1 AND id = $2 AND abandoned_at IS NULL RETURNING id)
         SELECT id FROM live`,
        [organizationId, id],
      );
      if (live.length === 0) throw new ImportAbandonedError();
    });
  }

  /**
   * Tells the gateways and the bus of the keys of one piece of a live import, with one entry of the audit trail, unless
   * that has been done. The keys are locked: what is told of a key is never older than what was told before. Indexes:
   * key_import_pk, api_key_by_import.
   */
  async announce({ organizationId, id }: ImportOf, piece: number): Promise<SnapshotEntries> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const rows: { actor: string | null; pieces: number; live_at: Date }[] = await manager.query(
        `WITH next AS (
           UPDATE keys.key_import SET announced = $3, lease_until = now() + make_interval(secs => $4)
           WHERE organization_id = $1 AND id = $2 AND announced = $3 - 1 AND live_at IS NOT NULL RETURNING actor, pieces, live_at)
         SELECT actor, pieces, live_at FROM next`,
        [organizationId, id, piece, LEASE_SECONDS],
      );
      if (rows.length === 0) return [];
      const { actor: actorText, pieces, live_at: at } = oneRow(rows);
      const of = [organizationId, id, piece];
      await manager.query(
        `SELECT 1 FROM keys.api_key WHERE organization_id = $1 AND import_id = $2 AND import_piece = $3 ORDER BY id FOR UPDATE`,
        of,
      );
      const found: KeyRow[] = await manager.query(
        `${SELECT_KEY} WHERE k.organization_id = $1 AND k.import_id = $2 AND k.import_piece = $3 ORDER BY k.id`,
        of,
      );
      const keys = found.map(keyOf);
      const actor = JSON.parse(actorText ?? 'null') as Actor;
      const written = await this.outbox.add(
        manager,
        ...keys.map((key) => ({ effect: WRITE_SNAPSHOT, key: key.id, payload: JSON.stringify(snapshotOf(key)) })),
      );
      await this.outbox.add(
        manager,
        ...keys.map((key) => ({
          effect: PUBLISH_CHANGE,
          key: key.id,
          payload: JSON.stringify(keysChangedEvent({ change: 'created', key, actor, details: {}, at })),
        })),
      );
      if (piece === pieces)
        await manager.query('UPDATE keys.key_import SET actor = NULL WHERE organization_id = $1 AND id = $2', [
          organizationId,
          id,
        ]);
      await this.audit.append(manager, organizationId, [
        {
          actor,
          action: 'api_key.imported',
          targetType: 'api_key_import',
          targetId: id,
          details: { piece, pieces, keys: keys.length, api_key_ids: keys.map((key) => key.id) },
        },
      ]);
      return written;
    });
  }

  /** Gives an import up, unless it is live; false where it is. From then on it cannot become live. */
  async abandon({ organizationId, id }: ImportOf): Promise<boolean> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const rows: unknown[] = await manager.query(
        `WITH abandoned AS (
           UPDATE keys.key_import SET abandoned_at = coalesce(abandoned_at, now())
           WHERE organization_id = $1 AND id = $2 AND live_at IS NULL RETURNING id)
         SELECT id FROM abandoned`,
        [organizationId, id],
      );
      return rows.length > 0;
    });
  }

  /** Removes the keys of one piece of an abandoned import. */
  async drop({ organizationId, id }: ImportOf, piece: number): Promise<void> {
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query('SELECT keys.drop_staged_keys($1::uuid, $2::integer)', [id, piece]),
    );
  }

  /** Forgets an abandoned import whose keys were removed. Index: key_import_pk. */
  async forget({ organizationId, id }: ImportOf): Promise<void> {
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query(
        'DELETE FROM keys.key_import WHERE organization_id = $1 AND id = $2 AND abandoned_at IS NOT NULL AND live_at IS NULL',
        [organizationId, id],
      ),
    );
  }

  /** Imports of any organisation that nobody works on and that have not ended. Index: key_import_open. */
  async left(): Promise<LeftImport[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string; id: string; live: boolean; pieces: number; announced: number }[]>(
        `SELECT organization_id, id, live_at IS NOT NULL AS live, pieces, announced FROM keys.key_import
         WHERE (live_at IS NULL OR announced < pieces) AND lease_until < now() ORDER BY created_at LIMIT 100`,
      ),
    );
    return rows.map(({ organization_id: organizationId, ...row }) => ({ organizationId, ...row }));
  }
}

/** What an import has staged was given up meanwhile, since it made no progress for longer than its lease. */
export class ImportAbandonedError extends Error {
  override readonly name = 'ImportAbandonedError';
}

async function insertKeys(
  manager: EntityManager,
  { organizationId, id }: ImportOf,
  piece: number,
  keys: readonly ApiKey[],
  { principal }: Actor,
): Promise<void> {
  const maker = principal === null ? null : makerOf(principal);
  await manager.query(
    `INSERT INTO keys.api_key (id, organization_id, name, description, scopes, expires_at, credit_limit_nano_usd,
       requests_per_minute, tokens_per_minute, parallel_requests, models, allowed_ips, created_at, version,
       created_by_kind, created_by_id, project_id, credit_reset, browser_use, rotate_every_days, writer, import_id, import_piece, member_id)
     SELECT c.id, $1, c.name, c.description, c.scopes, c.expires_at, c.credit_limit_nano_usd, c.requests_per_minute, c.tokens_per_minute,
       c.parallel_requests, c.models, c.allowed_ips, c.created_at, 1, $4, $5, c.project_id, c.credit_reset, c.browser_use,
       c.rotate_every_days, 1, $2, $3,
       (SELECT m.id FROM keys.member m WHERE $4 = 'person' AND m.person_id = $5::uuid AND m.organization_id = $1)
     FROM jsonb_to_recordset($6::jsonb) AS c (id uuid, name text, description text, scopes text[], expires_at timestamptz,
       credit_limit_nano_usd bigint, requests_per_minute integer, tokens_per_minute integer, parallel_requests integer,
       models text[], allowed_ips text[], created_at timestamptz, project_id uuid, credit_reset text, browser_use text,
       rotate_every_days integer)`,
    [
      organizationId,
      id,
      piece,
      maker?.kind ?? null,
      maker?.id ?? null,
      JSON.stringify(keys.map((key) => ({ ...columnsOf(key), created_at: key.createdAt }))),
    ],
  );
}

async function insertGroups(manager: EntityManager, { organizationId, id }: ImportOf, keys: readonly ApiKey[]) {
  const pairs = keys.flatMap((key) => key.groupIds.map((group) => [group, key.id] as const));
  if (pairs.length === 0) return;
  await manager.query(
    `INSERT INTO keys.group_key (organization_id, group_id, api_key_id, import_id)
     SELECT $1, group_id, api_key_id, $2 FROM unnest($3::uuid[], $4::uuid[]) AS pair (group_id, api_key_id)`,
    [organizationId, id, pairs.map(([group]) => group), pairs.map(([, key]) => key)],
  );
}

/** Resolves with the digests that were not written, since they are there already. */
async function insertSecrets(
  manager: EntityManager,
  organizationId: string,
  keys: readonly ApiKey[],
  pepperIds: readonly string[],
): Promise<string[]> {
  const secrets = keys.flatMap((key) =>
    key.secrets.flatMap(({ digests, maskedKey, form, createdAt }) =>
      digests.map((digest, at) => ({ id: key.id, digest, pepperId: pepperIds[at], maskedKey, form, createdAt })),
    ),
  );
  const written: { digest: string }[] = await manager.query(
    `INSERT INTO keys.api_key_secret (digest, organization_id, api_key_id, pepper_id, masked, created_at, form)
     SELECT decode(s.digest, 'hex'), $1, s.id, s.pepper_id, s.masked, s.created_at, s.form
     FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
       AS s (digest, id, pepper_id, masked, created_at, form)
     ON CONFLICT ON CONSTRAINT api_key_secret_pk DO NOTHING RETURNING encode(digest, 'hex') AS digest`,
    [
      organizationId,
      secrets.map(({ digest }) => digest),
      secrets.map(({ id }) => id),
      secrets.map(({ pepperId }) => pepperId),
      secrets.map(({ maskedKey }) => maskedKey),
      secrets.map(({ createdAt }) => createdAt),
      secrets.map(({ form }) => form),
    ],
  );
  const there = new Set(written.map(({ digest }) => digest));
  return secrets.flatMap(({ digest }) => (there.has(digest) ? [] : [digest]));
}
