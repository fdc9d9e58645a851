import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL_ENDPOINTS, ENDPOINTS } from './endpoints/endpoints.js';
import { isInferencePath, refusalAt } from './inference-paths.js';
import { plainPath } from './plain-path.js';

describe('the plain path of a target', () => {
  it.each([
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['/v1/chat/completions?api-version=2024-10-21', '/v1/chat/completions'],
    ['/v1/chat/completions/', '/v1/chat/completions'],
    ['/v1/chat/completions//?a', '/v1/chat/completions'],
    ['//v1/chat/completions', '/v1/chat/completions'],
    ['///v1///chat//completions///', '/v1/chat/completions'],
    ['http://host//v1/chat/completions', '/v1/chat/completions'],
    ['/v1/ch%61t/%63ompletions', '/v1/chat/completions'],
    ['/v1/chat%2Fcompletions', '/v1/chat%2Fcompletions'],
    ['/v1/chat/completions%3Fa', '/v1/chat/completions%3Fa'],
    ['/v1/chat/completions%2561', '/v1/chat/completions%2561'],
    ['/v1/%zz%', '/v1/%zz%'],
    ['/v1/../v1/chat/completions', '/v1/../v1/chat/completions'],
    ['/V1/chat/completions', '/V1/chat/completions'],
    ['/', '/'],
    ['//', '/'],
    ['http://host', '/'],
    ['*', '*'],
  ])('of %s is %s', (target, path) => {
    expect(plainPath(target)).toBe(path);
  });
  it('is the same whichever of its slashes are doubled, and whichever of its letters are encoded', () => {
    const spelt = (letter: string) =>
      letter === '/'
        ? fc.constantFrom('/', '//', '///')
        : fc.constantFrom(
            letter,
            `%${letter.charCodeAt(0).toString(16)}`,
            `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
          );
    const spellings = fc
      .constantFrom(...ENDPOINTS.flatMap(({ paths }) => paths))
      .chain((path) =>
        fc.tuple(
          fc.constant(path),
          fc.tuple(...[...path].map(spelt)),
          fc.constantFrom('', '/', '//'),
          fc.constantFrom('', '?', '?a=/b//', '#c'),
        ),
      );
    fc.assert(
      fc.property(
        spellings,
        ([path, letters, slash, query]) =>
          plainPath(letters.join('') + slash + query) === path && plainPath(path) === path,
      ),
    );
  });
});

describe('a path without a route', () => {
  it.each([
    '/v1',
    '/v1/embeddings',
    '/v1/responses',
    '/v1/messages',
    '/v1/models',
    '/v1/models/gpt-4o',
    '/v1/completions',
    '/v1/nonsense',
    '/v1/api-keysx',
    '/chat/completions',
    '/embeddings',
    '/responses',
    '/messages',
    '/models',
    '/completions',
    '/api/chat/completions',
    '/V1/Chat/Completions',
    '/v1/v1/chat/completions',
    '/openai/deployments/gpt-4o/chat/completions',
    '/v1beta/models/gemini:generateContent',
    '/v2/chat',
    '/proxy/v1/chat/completions',
    '/v1/chat%2Fcompletions',
    '/v1/audio/transcriptions',
  ])('is one that an SDK asks for: %s', (path) => {
    expect(isInferencePath(path)).toBe(true);
  });
  it.each([
    '/',
    '*',
    '/v1/api-keys',
    '/v1/api-keys/7/models',
    '/v1/usage',
    '/v1/usage/v1',
    '/webhooks',
    '/webhooks/github/chat',
    '/healthz',
    '/metrics',
    '/internal/keys/verify',
    '/favicon.ico',
    '/docs/errors',
    '/version',
    '/v1x',
    '/auth',
    '/api/v1/key',
    '/api/v1/keys/7',
    '/api/v1/auth/keys',
    '/api/public/projects',
    '/api/public/v2/prompts',
    '/api',
  ])('belongs to the rest: %s', (path) => {
    expect(isInferencePath(path)).toBe(false);
  });
});

describe('the refusal at a path', () => {
  it('says which methods a path takes', () => {
    for (const { method, paths } of ALL_ENDPOINTS)
      for (const path of paths) {
        const allow = method === 'GET' ? 'GET, HEAD' : 'POST';
        expect(refusalAt('PUT', path)).toMatchObject({
          code: 'method_not_allowed',
          message: `${path.replace('{id}', '…')} takes ${allow}, not PUT.`,
          headers: ['allow', allow],
        });
      }
  });
  it('says what is served where nothing is', () => {
    const { code, message, headers } = refusalAt('POST', '/chat/completions');
    expect([code, headers]).toEqual(['not_found', []]);
    expect(message).toMatch(
      /^Nothing is served at POST \/chat\/completions; base URLs end in \/v1, and those of Anthropic's clients before it/,
    );
    expect(message).toMatch(
      / Below \/v1 and \/api\/v1 there are POST \/chat\/completions, .* and GET \/models\/\{id\}\.$/,
    );
  });
  it.each(['/v1/v1/messages', '/api/v1/v1/chat/completions', '/v1/v1', '/proxy/v1/v1/models'])(
    'says which base URL to use where the version is doubled: %s',
    (path) => {
      expect(refusalAt('POST', path).message).toContain('leave it out of the base URL');
    },
  );
  it('tells who opens a WebSocket that HTTP is served there, and closes the connection', () => {
    expect(refusalAt('GET', '/v1/chat/completions', true)).toMatchObject({
      code: 'websocket_not_served',
      headers: ['upgrade', 'HTTP/1.1', 'connection', 'close'],
    });
    expect(refusalAt('GET', '/v1/realtime', true)).toMatchObject({
      code: 'not_found',
      headers: ['connection', 'close'],
    });
  });
  it('repeats no word of a path that could be a secret, or markup', () => {
    const message = (path: string) => refusalAt('GET', path).message!;
    expect(message(`/v1/moderations/sk-short/${'a'.repeat(33)}/<script>/a%20b/ü/gpt-4o:free@x`)).toContain(
      'GET /v1/moderations/…/…/…/…/…/gpt-4o:free@x;',
    );
    expect(message(`/v1${'/chat'.repeat(2_000)}`)).toContain('GET /v1/chat/chat/chat/chat/chat/chat/chat/…;');
  });
  it('is bounded, and plain text, for any path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5_000, size: 'max' }), (text) => {
        const message = refusalAt('GET', `/v1/${text}`).message!;
        return message.length < 700 && /^[\w .,;:@/…{}'-]*$/.test(message);
      }),
    );
  });
});
