import { Injectable } from '@nestjs/common';
import type { Role } from '@tollgate/access';
import type { EntityManager } from 'typeorm';
import { oidcIdentityEntity, type OidcIdentity } from './oidc-identity.js';

/** A person as a sign-in by an organisation's provider needs to know them. */
export interface LinkedPerson {
  readonly id: string;
  readonly email: string;
  /** Null if they are no member of the organisation. */
  readonly role: Role | null;
  /** Whether another subject of the issuer belongs to them in the organisation. */
  readonly hasOtherSubject: boolean;
  /** Whether a password opens the account though nobody has shown that they receive mail at its address. */
  readonly isUnconfirmed: boolean;
}

interface LinkedPersonRow {
  id: string;
  email: string;
  role: Role | null;
  other_subject: boolean;
  unconfirmed: boolean;
}

const selectPerson = (condition: string): string => `
  SELECT p.id, p.email, m.role, p.password_hash IS NOT NULL AND p.email_confirmed_at IS NULL AS unconfirmed,
    EXISTS (SELECT FROM keys.oidc_identity AS i
      WHERE i.organization_id = $2 AND i.issuer = $3 AND i.person_id = p.id AND i.subject <> $4) AS other_subject
  FROM keys.person AS p LEFT JOIN keys.member AS m ON m.organization_id = $2 AND m.person_id = p.id
  WHERE ${condition}`;
/** Index: person_pk. */
const PERSON_OF_ID = selectPerson('p.id = $1');
/** Index: person_email_unique. */
const PERSON_OF_EMAIL = selectPerson('p.email = $1');

/** Whoever says who somebody is, and under which name. */
export type IdentityKey = Pick<OidcIdentity, 'organizationId' | 'issuer' | 'subject'>;

/** Who people are at the providers of organisations. Every method works in the caller's transaction. */
@Injectable()
export class IdentityStore {
  /** Null if nobody is linked to this subject. */
  async find(manager: EntityManager, { organizationId, issuer, subject }: IdentityKey): Promise<OidcIdentity | null> {
    return manager.getRepository(oidcIdentityEntity).findOneBy({ organizationId, issuer, subject });
  }

  async personOfId(manager: EntityManager, id: string, key: IdentityKey): Promise<LinkedPerson | null> {
    return personOf(await manager.query(PERSON_OF_ID, [id, key.organizationId, key.issuer, key.subject]));
  }

  /** `email` is in its normal form. */
  async personOfEmail(manager: EntityManager, email: string, key: IdentityKey): Promise<LinkedPerson | null> {
    return personOf(await manager.query(PERSON_OF_EMAIL, [email, key.organizationId, key.issuer, key.subject]));
  }

  async insert(manager: EntityManager, identity: OidcIdentity): Promise<void> {
    await manager.getRepository(oidcIdentityEntity).insert(identity);
  }
}

function personOf([row]: readonly LinkedPersonRow[]): LinkedPerson | null {
  if (row === undefined) return null;
  const { id, email, role, other_subject: hasOtherSubject, unconfirmed: isUnconfirmed } = row;
  return { id, email, role, hasOtherSubject, isUnconfirmed };
}
