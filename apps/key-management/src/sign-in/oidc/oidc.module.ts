import { Module } from '@nestjs/common';
import { MembersModule } from '../../members/members.module.js';
import { DomainsModule } from '../../organizations/domains/domains.module.js';
import { OrganizationsModule } from '../../organizations/organizations.module.js';
import { PeopleModule } from '../../people/people.module.js';
import { KeyStoreModule } from '../../store/store.module.js';
import { SignInModule } from '../sign-in.module.js';
import { BeginSignIn } from './begin-sign-in.js';
import { FinishSignIn } from './finish-sign-in.js';
import { IdentityStore } from './identity-store.js';
import { JoinOrganization } from './join-organization.js';
import { OidcProviderController } from './oidc-provider.controller.js';
import { OidcProviderStore } from './oidc-provider-store.js';
import { OidcSessionsController } from './oidc-sessions.controller.js';
import { ProveAgain } from './prove-again.js';
import { ProviderClient } from './provider-client.js';
import { SignInAttemptStore } from './sign-in-attempt-store.js';
import { SignInByProvider } from './sign-in-by-provider.js';

/** The OpenID providers of organisations, and sign-in by them. */
@Module({
  imports: [DomainsModule, KeyStoreModule, MembersModule, OrganizationsModule, PeopleModule, SignInModule],
  controllers: [OidcProviderController, OidcSessionsController],
  providers: [
    BeginSignIn,
    FinishSignIn,
    IdentityStore,
    JoinOrganization,
    OidcProviderStore,
    ProveAgain,
    ProviderClient,
    SignInAttemptStore,
    SignInByProvider,
  ],
})
export class OidcModule {}
