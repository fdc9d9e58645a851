import { Injectable } from '@nestjs/common';
import { momentText, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { Grant } from './grant.js';

/** Where a grant stands in the list: when it was given, to the microsecond, and its id. */
export type GrantPosition = readonly [createdAt: string, id: string];

/** A grant in a list. */
export interface ListedGrant {
  readonly grant: Grant;
  readonly position: GrantPosition;
}

/** A grant that a request has given, which may come again. */
export interface GivenGrant extends Pick<Grant, 'id' | 'createdAt'> {
  readonly fingerprint: Buffer;
}

interface GrantRow {
  organization_id: string;
  id: string;
  amount_nano_usd: string;
  expires_at: Date | null;
  description: string | null;
  created_at: Date;
  expired_nano_usd: string;
  ended_by_hand: boolean;
  live: boolean;
  closed_at: Date | null;
}

const COLUMNS = `organization_id, id, amount_nano_usd, expires_at, description, created_at, expired_nano_usd, ended_by_hand,
  live, closed_at`;

/** Index: grant_newest. */
const SELECT_PAGE = `SELECT ${COLUMNS}, ${momentText('created_at')} AS created_at_text FROM billing.grant
  WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2::timestamptz, $3::uuid))
  ORDER BY created_at DESC, id DESC LIMIT $4`;

/** Index: grant_open. */
const SELECT_OPEN = `SELECT ${COLUMNS} FROM billing.grant WHERE organization_id = $1 AND closed_at IS NULL`;

/** What the ledger has of a grant: a grant is given once, and lapses in as many parts as holds on it end. */
const TRANSFER = `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd, note)
  VALUES ($1, $2, $3, $4, $5, $6)`;

/** The grants of organisations. Whoever changes them has locked the organisation's terms. */
@Injectable()
export class GrantStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Null if the organisation has no such grant. Index: grant_by_id. */
  async find(organizationId: string, id: string): Promise<Grant | null> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<GrantRow[]>(`SELECT ${COLUMNS} FROM billing.grant WHERE organization_id = $1 AND id = $2`, [
        organizationId,
        id,
      ]),
    );
    return rows[0] === undefined ? null : grantOf(rows[0]);
  }

  /** Those of these ids, in any order. Index: grant_by_id. */
  async several(organizationId: string, ids: readonly string[]): Promise<Grant[]> {
    if (ids.length === 0) return [];
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<GrantRow[]>(
        `SELECT ${COLUMNS} FROM billing.grant WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
        [organizationId, ids],
      ),
    );
    return rows.map(grantOf);
  }

  /** One for a transaction about the organisation, which has the grant for itself. Index: grant_by_id. */
  async lock(manager: EntityManager, organizationId: string, id: string): Promise<Grant | null> {
    const rows = await manager.query<GrantRow[]>(
      `SELECT ${COLUMNS} FROM billing.grant WHERE organization_id = $1 AND id = $2 FOR UPDATE`,
      [organizationId, id],
    );
    return rows[0] === undefined ? null : grantOf(rows[0]);
  }

  /** Whose grant it is; null for nobody's. Index: grant_by_id. */
  async organizationOf(id: string): Promise<string | null> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string }[]>('SELECT organization_id FROM billing.grant WHERE id = $1', [id]),
    );
    return rows[0]?.organization_id ?? null;
  }

  /** The first `count` behind a position, newest first; null for all. */
  async list(organizationId: string, count: number, after: GrantPosition | null): Promise<ListedGrant[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<(GrantRow & { created_at_text: string })[]>(SELECT_PAGE, [
        organizationId,
        after?.[0] ?? null,
        after?.[1] ?? null,
        count,
      ]),
    );
    return rows.map((row) => ({ grant: grantOf(row), position: [row.created_at_text, row.id] }));
  }

  /** Those that may still change, in any order. */
  async open(organizationId: string): Promise<Grant[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<GrantRow[]>(SELECT_OPEN, [organizationId]),
    );
    return rows.map(grantOf);
  }

  /** The same for a transaction about the organisation, which has them for itself, in the order of their ids. */
  async lockOpen(manager: EntityManager, organizationId: string): Promise<Grant[]> {
    return (await manager.query<GrantRow[]>(`${SELECT_OPEN} ORDER BY id FOR UPDATE`, [organizationId])).map(grantOf);
  }

  /** The sums of all grants that were closed: what was given and what lapsed. Index: grant_pk. */
  async closedSums(
    organizationId: string,
  ): Promise<{ readonly amountNanoUsd: bigint; readonly expiredNanoUsd: bigint }> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ amount: string; expired: string }[]>(
        `SELECT coalesce(sum(amount_nano_usd), 0) AS amount, coalesce(sum(expired_nano_usd), 0) AS expired
         FROM billing.grant WHERE organization_id = $1 AND closed_at IS NOT NULL`,
        [organizationId],
      ),
    );
    return { amountNanoUsd: BigInt(rows[0]?.amount ?? 0), expiredNanoUsd: BigInt(rows[0]?.expired ?? 0) };
  }

  /** How many of the organisation are live, in the caller's transaction. Index: grant_open. */
  async countLive(manager: EntityManager, organizationId: string): Promise<number> {
    const rows = await manager.query<{ count: number }[]>(
      'SELECT count(*)::int AS count FROM billing.grant WHERE organization_id = $1 AND closed_at IS NULL AND live',
      [organizationId],
    );
    return rows[0]?.count ?? 0;
  }

  /** Whether the organisation was ever given one. Index: grant_pk. */
  async hasAny(manager: EntityManager, organizationId: string): Promise<boolean> {
    const rows = await manager.query<object[]>('SELECT 1 FROM billing.grant WHERE organization_id = $1 LIMIT 1', [
      organizationId,
    ]);
    return rows.length > 0;
  }

  /** What was given by a request of this name since a moment; null for nothing. Index: grant_by_request. */
  async givenBy(
    manager: EntityManager,
    organizationId: string,
    scope: Buffer,
    since: Date,
  ): Promise<GivenGrant | null> {
    const rows = await manager.query<{ id: string; created_at: Date; request_fingerprint: Buffer }[]>(
      `SELECT id, created_at, request_fingerprint FROM billing.grant
       WHERE organization_id = $1 AND request_scope = $2 AND created_at > $3 ORDER BY created_at DESC LIMIT 1`,
      [organizationId, scope, since],
    );
    const [row] = rows;
    return row === undefined ? null : { id: row.id, createdAt: row.created_at, fingerprint: row.request_fingerprint };
  }

  /** Writes a new grant, with its transfer. `request` has the digests of the request that names itself. */
  async insert(
    manager: EntityManager,
    grant: Grant,
    request: { readonly scope: Buffer; readonly fingerprint: Buffer } | null,
  ): Promise<void> {
    await manager.query(
      `INSERT INTO billing.grant (organization_id, id, amount_nano_usd, expires_at, description, created_at,
         request_scope, request_fingerprint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        grant.organizationId,
        grant.id,
        grant.amountNanoUsd.toString(),
        grant.expiresAt,
        grant.description,
        grant.createdAt,
        request?.scope ?? null,
        request?.fingerprint ?? null,
      ],
    );
    await this.transfer(manager, grant, grant.id, 'grant', grant.amountNanoUsd, null);
  }

  /** Writes what can change of a grant that the caller has locked. Index: grant_by_id. */
  async save(manager: EntityManager, grant: Grant): Promise<void> {
    await manager.query(
      `UPDATE billing.grant SET expires_at = $3, expired_nano_usd = $4, ended_by_hand = $5, live = $6, closed_at = $7
       WHERE organization_id = $1 AND id = $2`,
      [
        grant.organizationId,
        grant.id,
        grant.expiresAt,
        grant.expiredNanoUsd.toString(),
        grant.endedByHand,
        grant.live,
        grant.closedAt,
      ],
    );
  }

  /** Appends a transfer on the account of a grant. `id` is its own, or that of the grant. */
  async transfer(
    manager: EntityManager,
    { organizationId, id: grantId }: Pick<Grant, 'organizationId' | 'id'>,
    id: string,
    kind: 'grant' | 'expire',
    amountNanoUsd: bigint,
    note: string | null,
  ): Promise<void> {
    const amount = amountNanoUsd.toString();
    await manager.query(TRANSFER, [organizationId, id, `grant:${grantId}`, kind, amount, note]);
  }
}

const grantOf = (row: GrantRow): Grant => ({
  organizationId: row.organization_id,
  id: row.id,
  amountNanoUsd: BigInt(row.amount_nano_usd),
  expiresAt: row.expires_at,
  description: row.description,
  createdAt: row.created_at,
  expiredNanoUsd: BigInt(row.expired_nano_usd),
  endedByHand: row.ended_by_hand,
  live: row.live,
  closedAt: row.closed_at,
});
