import { Module } from '@nestjs/common';
import { RefusedCallsModule } from '@tollgate/refused-calls';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from '@tollgate/auth';
import { KeyManagementApiModule } from './internal-api/internal-api.module.js';
import { GroupsModule } from './groups/groups.module.js';
import { BillingCreditsModule } from './billing-credits/billing-credits.module.js';
import { KeysModule } from './keys/keys.module.js';
import { MembersModule } from './members/members.module.js';
import { DomainsModule } from './organizations/domains/domains.module.js';
import { MeModule } from './me/me.module.js';
import { OauthModule } from './oauth/oauth.module.js';
import { OpenRouterModule } from './openrouter/openrouter.module.js';
import { OrganizationsModule } from './organizations/organizations.module.js';
import { PeopleModule } from './people/people.module.js';
import { ProjectsModule } from './projects/projects.module.js';
import { RelayModule } from './relay/relay.module.js';
import { OidcModule } from './sign-in/oidc/oidc.module.js';
import { RoutesModule } from './routes/routes.module.js';
import { SessionsModule } from './sign-in/sessions.module.js';
import { SignInModule } from './sign-in/sign-in.module.js';

/**
 * The service without its listeners: admin API, bus handlers, relay, and `KEY_MANAGEMENT_API` for the other services
 * of the process. Its ports (`ports.ts`) come from a global module.
 */
@Module({
  imports: [
    RefusedCallsModule,
    AuditModule,
    AuthModule,
    KeysModule,
    GroupsModule,
    RoutesModule,
    MeModule,
    OrganizationsModule,
    ProjectsModule,
    MembersModule,
    DomainsModule,
    OauthModule,
    OpenRouterModule,
    BillingCreditsModule,
    OidcModule,
    PeopleModule,
    SessionsModule,
    SignInModule,
    RelayModule,
    KeyManagementApiModule,
  ],
})
export class KeyManagementModule {}
