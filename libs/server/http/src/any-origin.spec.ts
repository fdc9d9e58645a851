import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { openToPages } from './any-origin.js';

function headersFor(url: string, headers: Record<string, string> = {}): Record<string, string> {
  const set: Record<string, string> = {};
  openToPages(
    { url, headers } as unknown as FastifyRequest,
    {
      headers: (more: object) => Object.assign(set, more),
    } as unknown as FastifyReply,
  );
  return set;
}
const PATH = '/api/v1/auth/keys';

describe('a path that pages of every origin may call', () => {
  it('says so in each reply, without credentials', () => {
    for (const url of [PATH, `${PATH}?a=1`])
      expect(headersFor(url, { origin: 'https://app.example' })).toEqual({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'x-request-id, retry-after',
      });
  });

  it('lets a preflight have the headers that it asks for, by their names', () => {
    const asked = (names: string) =>
      headersFor(PATH, {
        'access-control-request-method': 'POST',
        'access-control-request-headers': names,
      })['access-control-allow-headers'];
    expect(asked('authorization,x-title')).toBe('authorization,x-title');
    for (const odd of ['', 'a b', 'a\nset-cookie: b', 'x'.repeat(1_001), '"'])
      expect(asked(odd)).toBe('authorization, content-type');
  });

  it.each(['/v1/api-keys', '/api/v1/keys', '/api/v1/auth/keys/x', '/api/v1/auth/key', '/auth'])('is not %s', (url) => {
    expect(headersFor(url, { 'access-control-request-method': 'POST' })).toEqual({});
  });
});
