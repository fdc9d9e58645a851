import { Injectable } from '@nestjs/common';
import type { Role } from '@tollgate/access';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { authorizationCodeEntity, type AuthorizationCode } from './authorization-code.js';

/** Codes that are done with, which each new one clears away. */
const CLEARED_AT_ONCE = 100;

/** Index: authorization_code_by_expiry. */
const CLEAR_EXPIRED = `
  DELETE FROM keys.authorization_code WHERE organization_id = $1 AND id IN (
    SELECT id FROM keys.authorization_code WHERE organization_id = $1 AND expires_at <= $2
    ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED
  )`;

/**
 * Of two that redeem a code at once, the second waits for the first, and finds it redeemed.
 * Index: authorization_code_pk.
 */
const REDEEM = `
  UPDATE keys.authorization_code SET redeemed_at = $3
  WHERE organization_id = $1 AND id = $2 AND redeemed_at IS NULL AND expires_at > $3
  RETURNING id`;

/**
 * The organisations that the person of a session may act in by it, the oldest first: at most 100. `barred` are those
 * that are open only to sessions of their identity provider. Index: session_pk.
 */
const CHOICES = `
  SELECT o.id, o.name, o.role,
    keys.demands_oidc(o.id) AND (s.method <> 'oidc' OR s.confined_to IS DISTINCT FROM o.id) AS barred
  FROM keys.session AS s CROSS JOIN LATERAL keys.organizations_of_person(s.person_id, 100) AS o
  WHERE s.id = $1 AND o.id = coalesce(s.confined_to, o.id)`;

/** An organisation in which a person could make a key for an app. */
export interface OrganizationChoice {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly barred: boolean;
}

/** Codes that people have agreed to, by digest. */
@Injectable()
export class AuthorizationCodeStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** Where the person of a session may make a key. */
  async choicesOf(sessionId: string): Promise<OrganizationChoice[]> {
    return this.database.outsideOrganizations((manager) => manager.query<OrganizationChoice[]>(CHOICES, [sessionId]));
  }

  /** Writes a code in a transaction about its organisation. */
  async insert(manager: EntityManager, code: AuthorizationCode, now: Date): Promise<void> {
    await manager.query(CLEAR_EXPIRED, [code.organizationId, now, CLEARED_AT_ONCE]);
    await manager.getRepository(authorizationCodeEntity).insert(code);
  }

  /**
   * The code with a digest, redeemed or not; null if there is none. Which organisation it is of is found by a function:
   * whoever shows a code shows nothing else.
   */
  async find(digest: Buffer): Promise<AuthorizationCode | null> {
    const [row] = await this.database.lookUp<{ organization_id: string; id: string }>(
      'authorization_code_by_digest',
      digest,
    );
    if (row === undefined) return null;
    const { organization_id: organizationId, id } = row;
    return this.database.inOrganization(organizationId, (manager) =>
      manager.getRepository(authorizationCodeEntity).findOneBy({ organizationId, id }),
    );
  }

  /** Uses a code up for a key in a transaction about its organisation. False if it was, or has expired. */
  async redeem(manager: EntityManager, { organizationId, id }: AuthorizationCode, now: Date): Promise<boolean> {
    const [rows] = await manager.query<[object[], number]>(REDEEM, [organizationId, id, now]);
    return rows.length === 1;
  }
}
