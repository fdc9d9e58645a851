import { EntitySchema } from 'typeorm';

/** What the token of a link is for. It is good for nothing else. */
export type TokenPurpose = 'password_reset' | 'email_confirmation' | 'sign_in_link';

/** A token that was not used yet. */
export interface OneTimeToken {
  /** SHA-256 of the token. */
  readonly digest: Buffer;
  readonly purpose: TokenPurpose;
  readonly personId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** The table `keys.one_time_token`. */
export const oneTimeTokenEntity = new EntitySchema<OneTimeToken>({
  name: 'keys.one_time_token',
  schema: 'keys',
  tableName: 'one_time_token',
  columns: {
    digest: { type: 'bytea', primary: true },
    purpose: { type: 'text' },
    personId: { type: 'uuid', name: 'person_id' },
    createdAt: { type: 'timestamptz', name: 'created_at' },
    expiresAt: { type: 'timestamptz', name: 'expires_at' },
  },
});
