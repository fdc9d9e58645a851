import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { buildDocument, documentFile } from '@tollgate/openapi';
import { expect, it } from 'vitest';
import { AuditLogsController } from './audit/audit-logs.controller.js';
import { ApiKeysController } from './keys/api-keys.controller.js';
import { OrganizationsController } from './organizations/organizations.controller.js';

it('has its document written down (npm run openapi writes it)', async () => {
  const document = buildDocument({
    title: 'Tollgate key-management',
    tags: [
      { name: 'Audit', description: 'Who has changed what, who has signed in, and who was refused.' },
      { name: 'API keys', description: 'Making, showing and ending keys.' },
      { name: 'Organisations', description: 'Whose keys and usage there are. They see nothing of one another.' },
    ],
    controllers: [AuditLogsController, ApiKeysController, OrganizationsController],
  });
  const file = fileURLToPath(documentFile('key-management'));
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot(file);
});
