import { describe, expect, it } from 'vitest';
import { isInferencePath } from '../inference-paths.js';
import { endpointAt, ENDPOINTS } from './endpoints.js';

const paths = ENDPOINTS.flatMap((endpoint) => endpoint.paths);

describe('the table of endpoints', () => {
  it('serves each path once, at both of the bases that clients know', () => {
    expect(new Set(paths).size).toBe(paths.length);
    for (const endpoint of ENDPOINTS) {
      const [, name] = /^\/v1(\/.+)$/.exec(endpoint.paths[0]!)!;
      expect(endpoint.paths).toEqual([`/v1${name}`, `/api/v1${name}`]);
      for (const path of endpoint.paths) expect(endpointAt(path)).toBe(endpoint);
    }
  });
  it('names each endpoint once, in a dialect of its own', () => {
    expect(new Set(ENDPOINTS.map(({ name }) => name)).size).toBe(ENDPOINTS.length);
    expect(new Set(ENDPOINTS.map(({ dialect }) => dialect.name)).size).toBe(ENDPOINTS.length);
  });
  it('asks for the scope of inference', () => {
    for (const { scope } of ENDPOINTS) expect(scope).toBe('inference:write');
  });
  it.each(paths)('has a path that SDKs ask for: %s', (path) => {
    expect(isInferencePath(path)).toBe(true);
  });
  it('has nothing at other paths', () => {
    for (const path of ['/v1', '/v1/embedding', '/v1/embeddings/', 'constructor', '/v2/embeddings'])
      expect(endpointAt(path)).toBeUndefined();
  });
});
