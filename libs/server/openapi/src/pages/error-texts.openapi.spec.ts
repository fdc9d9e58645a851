import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '@tollgate/errors';
import { expect, it } from 'vitest';
import { ERROR_TEXTS_FILE, errorTextsOf } from './error-pages.js';

it('has the texts of docs/errors.md written down (npm run openapi writes them)', async () => {
  const page = readFileSync(new URL('../../../../../docs/errors.md', import.meta.url), 'utf8');
  const texts = errorTextsOf(page);
  expect(Object.keys(texts)).toEqual(Object.keys(ERRORS));
  await expect(`${JSON.stringify(texts, null, 2)}\n`).toMatchFileSnapshot(fileURLToPath(ERROR_TEXTS_FILE));
});
