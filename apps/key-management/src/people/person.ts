import { EntitySchema } from 'typeorm';

/** Somebody who can sign in. A person stands for themselves, whatever organisations they belong to. */
export interface Person {
  readonly id: string;
  /** In the normal form (`normalEmailAddress`); mails go to this text and to no other. */
  readonly email: string;
  /** Null until the person has given one. */
  readonly name: string | null;
  /** A PHC string; null for a person without a password. */
  readonly passwordHash: string | null;
  /** When a mail to the address has reached the person; null if none has, as far as is known. */
  readonly emailConfirmedAt: Date | null;
  /** The organisation that the person asked about last; null before the first. They may have left it since. */
  readonly lastOrganizationId: string | null;
  /** When the person signed in first; null if they never have. */
  readonly signedInAt: Date | null;
  readonly createdAt: Date;
}

/** The table `keys.person`. */
export const personEntity = new EntitySchema<Person>({
  name: 'keys.person',
  schema: 'keys',
  tableName: 'person',
  columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' },
    email: { type: 'text' },
    name: { type: 'text', nullable: true },
    passwordHash: { type: 'text', nullable: true, name: 'password_hash' },
    emailConfirmedAt: { type: 'timestamptz', nullable: true, name: 'email_confirmed_at' },
    lastOrganizationId: { type: 'text', nullable: true, name: 'last_organization_id' },
    signedInAt: { type: 'timestamptz', nullable: true, name: 'signed_in_at' },
    createdAt: { type: 'timestamptz', name: 'created_at' },
  },
});
