import { EntitySchema } from 'typeorm';

/** The ways to begin a session. */
export const SIGN_IN_METHODS = ['password', 'oidc', 'sign_in_link'] as const;
/** How a person showed who they are. */
export type SignInMethod = (typeof SIGN_IN_METHODS)[number];

/** A session as it is stored. Of the token it has the digest alone. */
export interface Session {
  readonly id: string;
  /** SHA-256 of the token. */
  readonly digest: Buffer;
  readonly personId: string;
  readonly method: SignInMethod;
  /** The identity at an OpenID provider that the session began with; both null for other methods. */
  readonly oidcIssuer: string | null;
  readonly oidcSubject: string | null;
  /** The only organisation that the session may act in; null if it may act in all of the person's. */
  readonly confinedTo: string | null;
  /** The organisation that the session asked about last. */
  readonly lastOrganizationId: string | null;
  readonly createdAt: Date;
  /** When the person last proved who they are. */
  readonly provenAt: Date;
  /** When it was last used, to the minute. */
  readonly seenAt: Date;
  /** When it ends, however much it is used. */
  readonly expiresAt: Date;
  /** The client's address at the sign-in. */
  readonly fromAddress: string | null;
  /** What the client calls itself (`user-agent`), cut and without control characters. */
  readonly client: string | null;
}

/** The table `keys.session`. */
export const sessionEntity = new EntitySchema<Session>({
  name: 'keys.session',
  schema: 'keys',
  tableName: 'session',
  columns: {
    id: { type: 'uuid', primary: true },
    digest: { type: 'bytea' },
    personId: { type: 'uuid', name: 'person_id' },
    method: { type: 'text' },
    oidcIssuer: { type: 'text', nullable: true, name: 'oidc_issuer' },
    oidcSubject: { type: 'text', nullable: true, name: 'oidc_subject' },
    confinedTo: { type: 'text', nullable: true, name: 'confined_to' },
    lastOrganizationId: { type: 'text', nullable: true, name: 'last_organization_id' },
    createdAt: { type: 'timestamptz', name: 'created_at' },
    provenAt: { type: 'timestamptz', name: 'proven_at' },
    seenAt: { type: 'timestamptz', name: 'seen_at' },
    expiresAt: { type: 'timestamptz', name: 'expires_at' },
    fromAddress: { type: 'text', nullable: true, name: 'from_address' },
    client: { type: 'text', nullable: true },
  },
});
