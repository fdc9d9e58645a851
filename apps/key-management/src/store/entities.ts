import type { EntitySchema } from 'typeorm';
import { personEntity } from '../people/person.js';
import { sessionEntity } from '../sign-in/session.js';

/** The tables of the schema `keys` that are used through repositories, for `openDatabase`. */
export const keyManagementEntities: readonly EntitySchema[] = [personEntity, sessionEntity];
