import type { EntitySchema } from 'typeorm';
import { invitationEntity } from '../members/invitation.js';
import { memberEntity } from '../members/member.js';
import { authorizationCodeEntity } from '../oauth/authorization-code.js';
import { personEntity } from '../people/person.js';
import { projectEntity } from '../projects/project.js';
import { domainEntity } from '../organizations/domains/domain.entity.js';
import { oidcIdentityEntity } from '../sign-in/oidc/oidc-identity.js';
import { oidcProviderEntity } from '../sign-in/oidc/oidc-provider.js';
import { signInAttemptEntity } from '../sign-in/oidc/sign-in-attempt.js';
import { oneTimeTokenEntity } from '../sign-in/one-time-tokens/one-time-token.js';
import { sessionEntity } from '../sign-in/session.js';

/** The tables of the schema `keys` that are used through repositories, for `openDatabase`. */
export const keyManagementEntities: readonly EntitySchema[] = [
  authorizationCodeEntity,
  invitationEntity,
  memberEntity,
  oneTimeTokenEntity,
  personEntity,
  projectEntity,
  sessionEntity,
  domainEntity,
  oidcIdentityEntity,
  oidcProviderEntity,
  signInAttemptEntity,
];
