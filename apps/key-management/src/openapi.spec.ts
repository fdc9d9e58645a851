import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { buildDocument, documentFile } from '@tollgate/openapi';
import { expect, it } from 'vitest';
import { AuditLogsController } from './audit/audit-logs.controller.js';
import { ApiKeysController } from './keys/api-keys.controller.js';
import { BulkKeysController } from './keys/bulk-keys/bulk-keys.controller.js';
import { ImportKeysController } from './keys/import-keys/import-keys.controller.js';
import { GroupsController } from './groups/groups.controller.js';
import { RoutesController } from './routes/routes.controller.js';
import { ExplainKeyController } from './keys/explain-key/explain-key.controller.js';
import { RotateKeyController } from './keys/rotate-key/rotate-key.controller.js';
import { ProjectKeysController } from './keys/create-key/project-keys.controller.js';
import { SwitchKeyController } from './keys/switch-key/switch-key.controller.js';
import { MeController } from './me/me.controller.js';
import { InvitationsController } from './members/invitations.controller.js';
import { MembersController } from './members/members.controller.js';
import { DomainsController } from './organizations/domains/domains.controller.js';
import { OrganizationsController } from './organizations/organizations.controller.js';
import { EmailConfirmationsController } from './sign-in/email-confirmations/email-confirmations.controller.js';
import { AccountPagesController } from './sign-in/pages/account-pages.controller.js';
import { PasswordResetsController } from './sign-in/password-resets/password-resets.controller.js';
import { SessionsController } from './sign-in/sessions.controller.js';
import { SignInLinksController } from './sign-in/sign-in-links/sign-in-links.controller.js';
import { AuthKeysController } from './oauth/auth-keys.controller.js';
import { ConsentController } from './oauth/consent.controller.js';
import { BillingCreditsController } from './billing-credits/billing-credits.controller.js';
import { CurrentKeyController } from './openrouter/current-key.controller.js';
import { OpenRouterKeysController } from './openrouter/openrouter-keys.controller.js';
import { ProjectsOfKeyController } from './projects/projects-of-key.controller.js';
import { ProjectsController } from './projects/projects.controller.js';
import { OidcProviderController } from './sign-in/oidc/oidc-provider.controller.js';
import { OidcSessionsController } from './sign-in/oidc/oidc-sessions.controller.js';

it('has its document written down (npm run openapi writes it)', async () => {
  const document = buildDocument({
    title: 'Tollgate key-management',
    tags: [
      { name: 'Sessions', description: 'Signing in and out, passwords, and the links of mails.' },
      { name: 'Pages', description: 'Plain pages for people, until the console is there.' },
      { name: 'Keys for apps', description: 'Apps send their people here, who agree to give them a key (PKCE).' },
      { name: 'OpenRouter', description: 'The paths and shapes by which clients of OpenRouter manage keys.' },
      { name: 'Langfuse', description: 'The paths and shapes by which SDKs of Langfuse know projects.' },
      { name: 'Audit', description: 'Who has changed what, who has signed in, and who was refused.' },
      { name: 'API keys', description: 'Making, showing and ending keys.' },
      { name: 'Organisations', description: 'Whose keys and usage there are. They see nothing of one another.' },
      { name: 'Projects', description: 'Places of an organisation, to which keys can belong.' },
      { name: 'Groups', description: 'Sets of keys, and the routes of `config.yaml` that they open.' },
      { name: 'Members', description: 'The people of an organisation, and their roles.' },
    ],
    controllers: [
      SessionsController,
      PasswordResetsController,
      EmailConfirmationsController,
      SignInLinksController,
      AccountPagesController,
      ConsentController,
      AuthKeysController,
      OpenRouterKeysController,
      CurrentKeyController,
      BillingCreditsController,
      ProjectsOfKeyController,
      AuditLogsController,
      ApiKeysController,
      BulkKeysController,
      ImportKeysController,
      GroupsController,
      RoutesController,
      ExplainKeyController,
      RotateKeyController,
      SwitchKeyController,
      OrganizationsController,
      ProjectsController,
      ProjectKeysController,
      MembersController,
      MeController,
      InvitationsController,
      DomainsController,
      OidcProviderController,
      OidcSessionsController,
    ],
  });
  const file = fileURLToPath(documentFile('key-management'));
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot(file);
});
