import { createHash, randomBytes } from 'node:crypto';
import type { Role } from '@tollgate/access';
import { readOrganizationId } from '@tollgate/contracts';
import { EntitySchema } from 'typeorm';

/** How long an invitation can be accepted, in milliseconds. */
export const INVITATION_LIFE_MS = 7 * 86_400_000;
const SECRET_BYTES = 32;

/** An invitation that is neither accepted nor taken back. After `expiresAt` nobody can accept it. */
export interface Invitation {
  readonly organizationId: string;
  readonly id: string;
  /** In the normal form of addresses. */
  readonly email: string;
  readonly role: Role;
  /** SHA-256 of the token in the link. */
  readonly tokenDigest: Buffer;
  readonly invitedByKind: 'operator' | 'api_key' | 'person';
  /** Null for the admin secret. */
  readonly invitedById: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** The table `keys.invitation`. */
export const invitationEntity = new EntitySchema<Invitation>({
  name: 'keys.invitation',
  schema: 'keys',
  tableName: 'invitation',
  columns: {
    organizationId: { type: 'text', primary: true, name: 'organization_id' },
    id: { type: 'uuid', primary: true },
    email: { type: 'text' },
    role: { type: 'text' },
    tokenDigest: { type: 'bytea', name: 'token_digest' },
    invitedByKind: { type: 'text', name: 'invited_by_kind' },
    invitedById: { type: 'uuid', nullable: true, name: 'invited_by_id' },
    createdAt: { type: 'timestamptz', name: 'created_at' },
    expiresAt: { type: 'timestamptz', name: 'expires_at' },
  },
});

/**
 * A new token for the link of an invitation. It begins with the organisation, so that its invitation is looked up
 * inside that organisation like everything else; what counts is the digest of the whole.
 */
export const newInvitationToken = (organizationId: string): string =>
  `${organizationId}.${randomBytes(SECRET_BYTES).toString('base64url')}`;

export const invitationTokenDigest = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The organisation that a token names; null if the text has not the form of a token. */
export function organizationOfToken(token: string): string | null {
  const [organizationId = '', secret = '', ...rest] = token.split('.');
  if (rest.length > 0 || !/^[A-Za-z0-9_-]{43}$/.test(secret)) return null;
  const read = readOrganizationId(organizationId);
  return read === organizationId ? read : null;
}
