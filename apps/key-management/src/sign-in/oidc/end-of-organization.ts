import type { EntityManager } from 'typeorm';
import { domainEntity } from '../../organizations/domains/domain.entity.js';
import { sessionEntity } from '../session.js';
import { oidcIdentityEntity } from './oidc-identity.js';
import { oidcProviderEntity } from './oidc-provider.js';
import { signInAttemptEntity } from './sign-in-attempt.js';

/**
 * Takes away by what people sign in to an organisation that is deleted, in the transaction that deletes it: another one
 * may prove its domains from then on.
 */
export async function endSignInsOf(manager: EntityManager, organizationId: string): Promise<void> {
  for (const entity of [signInAttemptEntity, oidcIdentityEntity, oidcProviderEntity, domainEntity])
    await manager.getRepository<{ organizationId: string }>(entity).delete({ organizationId });
  await manager.getRepository(sessionEntity).delete({ confinedTo: organizationId });
}
