import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { buildDocument, documentFile } from '@tollgate/openapi';
import { expect, it } from 'vitest';
import { GithubController } from './origins/github/github.controller.js';

it('has its document written down (npm run openapi writes it)', async () => {
  const document = buildDocument({
    title: 'Tollgate secret-scanning',
    tags: [{ name: 'Leaks', description: 'Webhooks that report keys that were seen in public.' }],
    controllers: [GithubController],
  });
  const file = fileURLToPath(documentFile('secret-scanning'));
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot(file);
});
