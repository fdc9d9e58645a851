import { Injectable } from '@nestjs/common';
import { momentText } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { Role } from '@tollgate/access';
import { memberEntity, type Member, type MemberRecord } from './member.js';

/** Where a member stands in the list: when they joined, to the microsecond, and the member's id. */
export type MemberPosition = readonly [joinedAt: string, id: string];

/** A member in a list. */
export interface ListedMember {
  readonly member: Member;
  readonly position: MemberPosition;
}

/** A key that acts on with the rights of an admin. */
export interface AdminKey {
  readonly id: string;
  readonly name: string;
  readonly maskedKey: string;
}

interface MemberRow {
  id: string;
  person_id: string;
  email: string;
  name: string | null;
  role: Role;
  created_at: Date;
  version: number;
}

const SELECT = `SELECT m.id, m.person_id, p.email, p.name, m.role, m.created_at, m.version, ${momentText('m.created_at')} AS created_at_text
  FROM keys.member AS m JOIN keys.person AS p ON p.id = m.person_id`;

/** Indexes: member_newest, person_pk. */
const SELECT_PAGE = `${SELECT}
  WHERE m.organization_id = $1 AND ($2::timestamptz IS NULL OR (m.created_at, m.id) < ($2::timestamptz, $3::uuid))
  ORDER BY m.created_at DESC, m.id DESC LIMIT $4`;

/**
 * Keys of scope `admin` that a person made, and those that such a key made in turn: each can do what the person could.
 * Index: api_key_by_maker.
 */
const SELECT_ADMIN_KEYS = `
  WITH RECURSIVE made AS (
    SELECT k.id FROM keys.api_key AS k
    WHERE k.organization_id = $1 AND k.created_by_id = $2 AND k.created_by_kind = 'person' AND 'admin' = ANY(k.scopes)
    UNION
    SELECT k.id FROM made JOIN keys.api_key AS k ON k.organization_id = $1 AND k.created_by_id = made.id
    WHERE k.created_by_kind = 'api_key' AND 'admin' = ANY(k.scopes)
  )
  SELECT k.id, k.name,
    (SELECT masked FROM keys.api_key_secret WHERE api_key_id = k.id ORDER BY created_at DESC, digest LIMIT 1) AS masked
  FROM made JOIN keys.api_key AS k ON k.id = made.id
  WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)
  ORDER BY k.created_at DESC, k.id DESC LIMIT $4`;

/** Deleted and revoked keys too: what they are for may go on. Index: api_key_subscribed_member. */
const SELECT_SUBSCRIBED_KEYS = `SELECT id FROM keys.api_key
  WHERE organization_id = $1 AND member_id = $2 AND kind = 'subscription' ORDER BY id`;

/** Members of organisations. Every method works in the caller's transaction. */
@Injectable()
export class MemberStore {
  /** The first `count` behind a position, newest first; null for all. */
  async list(
    manager: EntityManager,
    organizationId: string,
    count: number,
    after: MemberPosition | null,
  ): Promise<ListedMember[]> {
    const rows = await manager.query<(MemberRow & { created_at_text: string })[]>(SELECT_PAGE, [
      organizationId,
      after?.[0] ?? null,
      after?.[1] ?? null,
      count,
    ]);
    return rows.map((row) => ({ member: memberOf(organizationId, row), position: [row.created_at_text, row.id] }));
  }

  /** Null if the organisation has no such member. Index: member_pk. */
  async find(manager: EntityManager, organizationId: string, id: string): Promise<Member | null> {
    const rows = await manager.query<MemberRow[]>(`${SELECT} WHERE m.id = $2 AND m.organization_id = $1`, [
      organizationId,
      id,
    ]);
    return rows[0] === undefined ? null : memberOf(organizationId, rows[0]);
  }

  /**
   * Whether somebody with this address, in its normal form, is a member. Indexes: person_email_unique,
   * member_by_person.
   */
  async hasAddress(manager: EntityManager, organizationId: string, email: string): Promise<boolean> {
    const rows = await manager.query<object[]>(
      `SELECT m.id FROM keys.person AS p JOIN keys.member AS m ON m.person_id = p.id
       WHERE p.email = $2 AND m.organization_id = $1`,
      [organizationId, email],
    );
    return rows.length > 0;
  }

  /** Whether somebody else is an owner, too. The caller has locked the organisation. Index: member_owners. */
  async hasOtherOwner(manager: EntityManager, { organizationId, id }: Member): Promise<boolean> {
    const rows = await manager.query<object[]>(
      `SELECT id FROM keys.member WHERE organization_id = $1 AND role = 'owner' AND id <> $2 LIMIT 1`,
      [organizationId, id],
    );
    return rows.length > 0;
  }

  /** Whether the person became a member with this; false if they are one already, whose role stays as it is. */
  async insert(manager: EntityManager, member: MemberRecord): Promise<boolean> {
    const { raw } = await manager
      .createQueryBuilder()
      .insert()
      .into(memberEntity)
      .values(member)
      .orIgnore()
      .returning('id')
      .execute();
    return (raw as unknown[]).length > 0;
  }

  async setRole(manager: EntityManager, { organizationId, id, role, version }: Member): Promise<void> {
    await manager.getRepository(memberEntity).update({ organizationId, id }, { role, version });
  }

  async delete(manager: EntityManager, { organizationId, id }: Member): Promise<void> {
    await manager.getRepository(memberEntity).delete({ organizationId, id });
  }

  /** The keys by which a removed person could still act as an admin, newest first, at most `count`. */
  async adminKeysOf(
    manager: EntityManager,
    { organizationId, personId }: Member,
    now: Date,
    count: number,
  ): Promise<AdminKey[]> {
    const rows = await manager.query<{ id: string; name: string; masked: string }[]>(SELECT_ADMIN_KEYS, [
      organizationId,
      personId,
      now,
      count,
    ]);
    return rows.map(({ id, name, masked }) => ({ id, name, maskedKey: masked }));
  }

  /** The ids of all keys of subscriptions that were made for a member. */
  async subscribedKeysOf(manager: EntityManager, { organizationId, id }: Member): Promise<string[]> {
    const rows = await manager.query<{ id: string }[]>(SELECT_SUBSCRIBED_KEYS, [organizationId, id]);
    return rows.map((row) => row.id);
  }
}

function memberOf(organizationId: string, row: MemberRow): Member {
  return {
    organizationId,
    id: row.id,
    personId: row.person_id,
    role: row.role,
    joinedAt: row.created_at,
    version: row.version,
    email: row.email,
    name: row.name,
  };
}
