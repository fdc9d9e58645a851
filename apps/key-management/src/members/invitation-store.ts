import { Injectable } from '@nestjs/common';
import type { Role } from '@tollgate/access';
import { momentText, oneRow } from '@tollgate/postgres';
import { MoreThan, type EntityManager } from 'typeorm';
import { invitationEntity, type Invitation } from './invitation.js';
import type { Maker } from './maker.js';
import type { NamedMaker } from './maker.reply.js';

/** Where an invitation stands in the list: when it was sent, to the microsecond, and its id. */
export type InvitationPosition = readonly [createdAt: string, id: string];

/** An invitation as it is shown: with the name of the person or key that sent it. */
export interface ShownInvitation {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly invitedBy: NamedMaker;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** An invitation in a list. */
export interface ListedInvitation {
  readonly invitation: ShownInvitation;
  readonly position: InvitationPosition;
}

interface TakenRow {
  id: string;
  email: string;
  role: Role;
  token_digest: Buffer;
  invited_by_kind: Maker['kind'];
  invited_by_id: string | null;
  created_at: Date;
  expires_at: Date;
}

interface InvitationRow {
  id: string;
  email: string;
  role: Role;
  invited_by_kind: Maker['kind'];
  invited_by_id: string | null;
  invited_by_name: string | null;
  created_at: Date;
  expires_at: Date;
  created_at_text: string;
}

const SELECT = `SELECT i.id, i.email, i.role, i.invited_by_kind, i.invited_by_id, coalesce(p.name, p.email, k.name) AS invited_by_name,
    i.created_at, i.expires_at, ${momentText('i.created_at')} AS created_at_text
  FROM keys.invitation AS i
  LEFT JOIN keys.person AS p ON i.invited_by_kind = 'person' AND p.id = i.invited_by_id
  LEFT JOIN keys.api_key AS k ON i.invited_by_kind = 'api_key' AND k.id = i.invited_by_id AND k.organization_id = i.organization_id
  WHERE i.organization_id = $1`;

/** Indexes: invitation_newest, person_pk, api_key_of_organization_unique. */
const SELECT_PAGE = `${SELECT} AND i.expires_at > $5
    AND ($2::timestamptz IS NULL OR (i.created_at, i.id) < ($2::timestamptz, $3::uuid))
  ORDER BY i.created_at DESC, i.id DESC LIMIT $4`;

const TAKE_INVITATION = `
  WITH taken AS (
    DELETE FROM keys.invitation WHERE organization_id = $1 AND token_digest = $2 AND expires_at > $3 RETURNING *
  )
  SELECT id, email, role, token_digest, invited_by_kind, invited_by_id, created_at, expires_at FROM taken`;

/** Open invitations. Every method works in the caller's transaction. */
@Injectable()
export class InvitationStore {
  /** The first `count` open ones behind a position, newest first; null for all. */
  async list(
    manager: EntityManager,
    organizationId: string,
    count: number,
    after: InvitationPosition | null,
    now: Date,
  ): Promise<ListedInvitation[]> {
    const rows = await manager.query<InvitationRow[]>(SELECT_PAGE, [
      organizationId,
      after?.[0] ?? null,
      after?.[1] ?? null,
      count,
      now,
    ]);
    return rows.map((row) => ({ invitation: shownInvitation(row), position: [row.created_at_text, row.id] }));
  }

  /** An invitation with the name of who sent it. Index: invitation_pk. */
  async shown(manager: EntityManager, { organizationId, id }: Invitation): Promise<ShownInvitation> {
    const rows = await manager.query<InvitationRow[]>(`${SELECT} AND i.id = $2`, [organizationId, id]);
    return shownInvitation(oneRow(rows));
  }

  /** The open one of a token; null if there is none. */
  async ofToken(
    manager: EntityManager,
    organizationId: string,
    tokenDigest: Buffer,
    now: Date,
  ): Promise<Invitation | null> {
    return manager.getRepository(invitationEntity).findOneBy({ organizationId, tokenDigest, expiresAt: MoreThan(now) });
  }

  /** Ends the open one of a token, and returns it: of two calls at once, one does. Index: invitation_token_unique. */
  async take(
    manager: EntityManager,
    organizationId: string,
    tokenDigest: Buffer,
    now: Date,
  ): Promise<Invitation | null> {
    const rows = await manager.query<TakenRow[]>(TAKE_INVITATION, [organizationId, tokenDigest, now]);
    return rows[0] === undefined ? null : takenInvitation(organizationId, rows[0]);
  }

  /** Null if there is none, expired ones included. */
  async find(manager: EntityManager, organizationId: string, id: string): Promise<Invitation | null> {
    return manager.getRepository(invitationEntity).findOneBy({ organizationId, id });
  }

  /** The one to an address, expired or not. */
  async ofEmail(manager: EntityManager, organizationId: string, email: string): Promise<Invitation | null> {
    return manager.getRepository(invitationEntity).findOneBy({ organizationId, email });
  }

  async insert(manager: EntityManager, invitation: Invitation): Promise<void> {
    await manager.getRepository(invitationEntity).insert(invitation);
  }

  /** Whether it was there: of two who end one invitation at once, one does. */
  async delete(manager: EntityManager, organizationId: string, id: string): Promise<boolean> {
    const { affected } = await manager.getRepository(invitationEntity).delete({ organizationId, id });
    return affected === 1;
  }

  /** Ends all that a person sent, and returns them. */
  async endOf(manager: EntityManager, organizationId: string, personId: string): Promise<Invitation[]> {
    const repository = manager.getRepository(invitationEntity);
    const sent = await repository.findBy({ organizationId, invitedByKind: 'person', invitedById: personId });
    if (sent.length > 0) await repository.delete({ organizationId, invitedByKind: 'person', invitedById: personId });
    return sent;
  }
}

const takenInvitation = (organizationId: string, row: TakenRow): Invitation => ({
  organizationId,
  id: row.id,
  email: row.email,
  role: row.role,
  tokenDigest: row.token_digest,
  invitedByKind: row.invited_by_kind,
  invitedById: row.invited_by_id,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
});

function shownInvitation(row: InvitationRow): ShownInvitation {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    invitedBy: {
      kind: row.invited_by_kind,
      id: row.invited_by_id,
      name: row.invited_by_name,
    } as ShownInvitation['invitedBy'],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
