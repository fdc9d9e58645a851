import type { EntitySchema } from 'typeorm';
import { invitationEntity } from '../members/invitation.js';
import { memberEntity } from '../members/member.js';
import { personEntity } from '../people/person.js';
import { projectEntity } from '../projects/project.js';
import { sessionEntity } from '../sign-in/session.js';

/** The tables of the schema `keys` that are used through repositories, for `openDatabase`. */
export const keyManagementEntities: readonly EntitySchema[] = [
  invitationEntity,
  memberEntity,
  personEntity,
  projectEntity,
  sessionEntity,
];
