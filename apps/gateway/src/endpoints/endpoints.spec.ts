import { describe, expect, it } from 'vitest';
import { isInferencePath } from '../inference-paths.js';
import { allowOf, callsModel, takesMethod } from './endpoint.js';
import { ALL_ENDPOINTS, endpointAt, endpointAtExactly, ENDPOINTS, READ_ENDPOINTS } from './endpoints.js';

const paths = ALL_ENDPOINTS.flatMap((endpoint) => endpoint.paths);

describe('the table of endpoints', () => {
  it('serves each path once, at both of the bases that clients know', () => {
    expect(new Set(paths).size).toBe(paths.length);
    for (const endpoint of ALL_ENDPOINTS) {
      const [, name] = /^\/v1(\/.+)$/.exec(endpoint.paths[0]!)!;
      expect(endpoint.paths).toEqual([`/v1${name}`, `/api/v1${name}`]);
      for (const path of endpoint.paths) expect(endpointAt(path)).toBe(endpoint);
    }
  });
  it('names each endpoint once, in a dialect of its own', () => {
    expect(new Set(ALL_ENDPOINTS.map(({ name }) => name)).size).toBe(ALL_ENDPOINTS.length);
    expect(new Set(ENDPOINTS.map(({ dialect }) => dialect.name)).size).toBe(ENDPOINTS.length);
  });
  it('asks for the scope of inference', () => {
    for (const endpoint of ALL_ENDPOINTS)
      expect(endpoint.scope).toBe(callsModel(endpoint) ? 'inference:write' : 'inference:read');
  });
  it.each(paths)('has a path that SDKs ask for: %s', (path) => {
    expect(isInferencePath(path)).toBe(true);
  });
  it('takes one method each, and HEAD where that is GET', () => {
    for (const endpoint of ENDPOINTS)
      expect([allowOf(endpoint), takesMethod(endpoint, 'POST'), takesMethod(endpoint, 'HEAD')]).toEqual([
        'POST',
        true,
        false,
      ]);
    for (const endpoint of READ_ENDPOINTS)
      expect(['GET', 'HEAD', 'POST'].map((method) => takesMethod(endpoint, method))).toEqual([true, true, false]);
  });
  it('takes whatever follows for the id of a model', () => {
    for (const path of ['/v1/models/gpt-4o', '/v1/models/openai/gpt-4o', '/api/v1/models/a%2Fb', '/v1/models/a/b/c']) {
      expect(endpointAt(path)?.name).toBe('model');
      expect(endpointAtExactly(path)).toBeUndefined();
    }
    expect([endpointAt('/v1/models')?.name, endpointAt('/v1/models/')]).toEqual(['models', undefined]);
  });
  it('has nothing at other paths', () => {
    for (const path of ['/v1', '/v1/embedding', '/v1/embeddings/', 'constructor', '/v2/embeddings'])
      expect(endpointAt(path)).toBeUndefined();
  });
});
