import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { DOCUMENTED_SERVICES, joinDocuments, readDocument, readPublicDocument, routesOf, sortRoutes } from './index.js';

/** All values of a key, at every depth. */
function valuesAt(key: string, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [...(name === key ? [each] : []), ...valuesAt(key, each)]);
}

describe.each([
  ...DOCUMENTED_SERVICES.map((service) => [service, readDocument(service)] as const),
  ['the public origin', readPublicDocument()] as const,
])('the document of %s', (_service, document) => {
  it('is valid OpenAPI 3.1, and all it refers to is there', async () => {
    const validator = new Validator();
    expect(await validator.validate({ ...structuredClone(document) })).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    for (const reference of valuesAt('$ref', document)) {
      const [root, ...path] = (reference as string).split('/');
      expect(root).toBe('#');
      expect(path.reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], document)).toBeDefined();
    }
  });
  it('describes each tag, and has a schema, an example and the id of the request for each reply', () => {
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
    expect(new Set(operations.flatMap(({ tags }) => tags))).toEqual(new Set(document.tags.map(({ name }) => name)));
    for (const { operationId, responses } of operations) {
      expect(operationId).toMatch(/^[a-z][A-Za-z]+$/);
      for (const { headers, content } of Object.values(responses)) {
        expect(headers).toHaveProperty('x-request-id');
        for (const { schema } of Object.values((content ?? {}) as Record<string, { schema: unknown }>))
          expect(schema).toBeDefined();
      }
    }
  });
  it('says nothing of internal paths', () => {
    expect(routesOf(document).filter(({ path }) => path.startsWith('/internal'))).toEqual([]);
  });
});

describe('documents that are joined', () => {
  const keys = readDocument('key-management');
  it('have each route once, and mean the same by each name', () => {
    expect(() => joinDocuments('x', [keys, keys])).toThrow('two documents have ');
    const other = { ...readDocument('usage-billing'), components: { ...keys.components, schemas: { Problem: {} } } };
    expect(() => joinDocuments('x', [keys, other])).toThrow('Problem has two meanings');
  });
  it('may have paths below one prefix', () => {
    const [item] = Object.values(readDocument('usage-billing').paths);
    const other = { ...keys, paths: { '/v1/api-keys/{id}/usage': item! } };
    expect(routesOf(joinDocuments('x', [keys, other]))).toEqual(sortRoutes([...routesOf(keys), ...routesOf(other)]));
  });
});
