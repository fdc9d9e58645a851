import type { Role } from '@tollgate/access';
import { EntitySchema } from 'typeorm';

/** A person in an organisation. */
export interface Member {
  readonly organizationId: string;
  readonly id: string;
  readonly personId: string;
  readonly role: Role;
  readonly joinedAt: Date;
  /** 1 at first; each change of the role adds one. */
  readonly version: number;
  /** The person's address, in its normal form. */
  readonly email: string;
  /** Null until the person has given one. */
  readonly name: string | null;
}

/** A row of `keys.member`. `email` is a copy for the release before, which knows no people. */
export interface MemberRecord extends Omit<Member, 'name'> {
  readonly email: string;
}

/** The table `keys.member`. */
export const memberEntity = new EntitySchema<MemberRecord>({
  name: 'keys.member',
  schema: 'keys',
  tableName: 'member',
  columns: {
    id: { type: 'uuid', primary: true },
    organizationId: { type: 'text', name: 'organization_id' },
    personId: { type: 'uuid', name: 'person_id' },
    email: { type: 'text' },
    role: { type: 'text' },
    joinedAt: { type: 'timestamptz', name: 'created_at' },
    version: { type: 'integer' },
  },
});
