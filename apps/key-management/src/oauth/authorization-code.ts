import { EntitySchema } from 'typeorm';
import type { CreateKeyRequest } from '../keys/create-key/create-key.request.js';
import type { Challenge, ChallengeMethod } from './challenge.js';

/** For how long a code can be exchanged, in milliseconds. */
export const CODE_LIFE_MS = 10 * 60_000;

/** What a person has agreed to: one key for one app, until the code for it is exchanged or too old. */
export interface AuthorizationCode {
  readonly organizationId: string;
  readonly id: string;
  /** SHA-256 of the code, which only the app gets. */
  readonly digest: Buffer;
  readonly personId: string;
  /** The session in which the person agreed: for the audit trail. */
  readonly sessionId: string;
  /** Where the code went. */
  readonly callbackUrl: string;
  readonly challenge: string | null;
  readonly method: ChallengeMethod | null;
  /** The key that the person agreed to, as a request for it. */
  readonly keyRequest: CreateKeyRequest;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** When it became a key; null while it can. */
  readonly redeemedAt: Date | null;
}

/** The challenge of a code; null for one that was asked for without. */
export const challengeOf = ({ challenge, method }: AuthorizationCode): Challenge | null =>
  challenge === null || method === null ? null : { challenge, method };

/** The table `keys.authorization_code`. */
export const authorizationCodeEntity = new EntitySchema<AuthorizationCode>({
  name: 'keys.authorization_code',
  schema: 'keys',
  tableName: 'authorization_code',
  columns: {
    organizationId: { type: 'text', primary: true, name: 'organization_id' },
    id: { type: 'uuid', primary: true },
    digest: { type: 'bytea' },
    personId: { type: 'uuid', name: 'person_id' },
    sessionId: { type: 'uuid', name: 'session_id' },
    callbackUrl: { type: 'text', name: 'callback_url' },
    challenge: { type: 'text', nullable: true },
    method: { type: 'text', nullable: true },
    keyRequest: { type: 'jsonb', name: 'key_request' },
    createdAt: { type: 'timestamptz', name: 'created_at' },
    expiresAt: { type: 'timestamptz', name: 'expires_at' },
    redeemedAt: { type: 'timestamptz', nullable: true, name: 'redeemed_at' },
  },
});
