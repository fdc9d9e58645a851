import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { azure } from './azure.js';

const RESOURCE = 'https://name.openai.azure.com';
const pathsAt = (baseUrl: string, apiVersion: string | null) => azure.pathsOf({ baseUrl, apiVersion });

describe('the paths of Azure', () => {
  it.each([
    [RESOURCE, '2024-10-21', '/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21'],
    [
      `${RESOURCE}/openai`,
      '2025-01-01-preview',
      '/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview',
    ],
    [`${RESOURCE}/OpenAI`, 'v', '/openai/deployments/gpt-4o/chat/completions?api-version=v'],
    [
      'https://apim.example/team',
      '2024-10-21',
      '/team/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21',
    ],
    [`${RESOURCE}/openai/v1`, null, '/openai/v1/chat/completions'],
    [`${RESOURCE}/openai/v1`, 'preview', '/openai/v1/chat/completions?api-version=preview'],
    ['https://name.services.ai.azure.com/openai/v1', null, '/openai/v1/chat/completions'],
  ])('at %s with version %s', (baseUrl, apiVersion, path) => {
    expect(pathsAt(baseUrl, apiVersion)('/chat/completions', 'gpt-4o')).toBe(path);
  });
  it('name the operation that is asked for', () => {
    expect(pathsAt(RESOURCE, 'x')('/embeddings', 'd')).toBe('/openai/deployments/d/embeddings?api-version=x');
    expect(pathsAt(`${RESOURCE}/openai/v1`, null)('/embeddings', 'd')).toBe('/openai/v1/embeddings');
    expect(pathsAt(RESOURCE, 'x')('/completions', 'd')).toBe('/openai/deployments/d/completions?api-version=x');
  });
  it('name no deployment for Responses, which have it in the body', () => {
    expect(pathsAt(RESOURCE, 'x')('/responses', 'd')).toBe('/openai/responses?api-version=x');
    expect(pathsAt(`${RESOURCE}/openai`, 'x')('/responses', 'd')).toBe('/openai/responses?api-version=x');
    expect(pathsAt(`${RESOURCE}/openai/v1`, null)('/responses', 'd')).toBe('/openai/v1/responses');
    expect(pathsAt(`${RESOURCE}/openai/v1`, null)('/responses/compact', 'd')).toBe('/openai/v1/responses/compact');
  });
  it.each([
    [RESOURCE, '2024-10-21', false, false],
    [RESOURCE, '2025-01-01-preview', false, false],
    [RESOURCE, '2025-03-01-preview', true, false],
    [`${RESOURCE}/openai`, '2026-02-01', true, false],
    [`${RESOURCE}/openai/v1`, null, true, true],
    [`${RESOURCE}/OpenAI/v1/`, 'preview', true, true],
  ])('lead to Responses only where %s has them in version %s', (baseUrl, apiVersion, responses, compact) => {
    const dialects = azure.dialectsOf({ baseUrl, apiVersion });
    expect(dialects.has('openai-responses')).toBe(responses);
    expect(dialects.has('openai-responses-compact')).toBe(compact);
    for (const dialect of ['openai-chat', 'openai-completions', 'openai-embeddings'] as const)
      expect(dialects.has(dialect)).toBe(true);
  });
  it.each([
    ['a/b', 'a%2Fb'],
    ['../x', '..%2Fx'],
    ['..', '%252E%252E'],
    ['.', '%252E'],
    ['a?b#c', 'a%3Fb%23c'],
    ['a b', 'a%20b'],
    ['%2e%2e', '%252e%252e'],
    ['模型', '%E6%A8%A1%E5%9E%8B'],
  ])('take a deployment’s name for one segment, whatever a caller puts into it: %s', (model, segment) => {
    expect(pathsAt(RESOURCE, 'x')('/embeddings', model)).toBe(
      `/openai/deployments/${segment}/embeddings?api-version=x`,
    );
  });
  it('never leave the deployment for any name', () => {
    const path = pathsAt(RESOURCE, 'x');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), (model) => {
        const url = new URL(RESOURCE + path('/embeddings', model));
        const segments = url.pathname.split('/');
        return (
          segments.length === 5 && segments[2] === 'deployments' && segments[4] === 'embeddings' && url.hash === ''
        );
      }),
    );
  });
});

describe('an answer of Azure', () => {
  it('that a deployment is not there blames the configuration, unless the caller named it', () => {
    expect(azure.blamesConfiguration(404, false)).toBe(true);
    expect(azure.blamesConfiguration(404, true)).toBe(false);
    // A content filter, for example, concerns what the caller wrote.
    expect(azure.blamesConfiguration(400, false)).toBe(false);
  });
});

describe('the credential of Azure', () => {
  it('is in a header of its own', () => {
    expect(azure.credentialHeaders('key')).toEqual(['api-key', 'key']);
  });
});
