import { fileURLToPath } from 'node:url';
import { buildDocument, documentFile, errorShapeAt, routesOf, sortRoutes, type ErrorShape } from '@tollgate/openapi';
import { describe, expect, it } from 'vitest';
import { documentedEndpoints, INFERENCE_TAG } from './documented-endpoints.js';
import { ANTHROPIC_ERROR_DOCS } from './dialects/anthropic/documented-errors.js';
import { OPENAI_ERROR_DOCS } from './dialects/openai/documented-errors.js';
import { ALL_ENDPOINTS } from './endpoints/endpoints.js';
import { isInferencePath } from './inference-paths.js';

function shapeAt(path: string): ErrorShape {
  if (path.includes('/messages')) return ANTHROPIC_ERROR_DOCS;
  return path.startsWith('/api/v1/') ? errorShapeAt(path) : OPENAI_ERROR_DOCS;
}

const document = buildDocument({
  title: 'Tollgate gateway',
  tags: [INFERENCE_TAG],
  routes: documentedEndpoints,
  errorShape: shapeAt,
});

describe('the document of the inference side', () => {
  it('is written down (npm run openapi writes it)', async () => {
    const file = fileURLToPath(documentFile('gateway'));
    await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot(file);
  });
  it('has what is served, and nothing else', () => {
    const served = ALL_ENDPOINTS.flatMap(({ method, paths }) => paths.map((path) => ({ method, path })));
    expect(routesOf(document)).toEqual(sortRoutes(served));
    expect(served.every(({ path }) => isInferencePath(path))).toBe(true);
  });
});
