import { ERRORS, problemBody, type ErrorCode } from '@tollgate/errors';
import { readPublicDocument } from '@tollgate/openapi';
import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { answerException } from './answer-exception.js';
import { serveDocs } from './serve-docs.js';
import { createLogger } from '@tollgate/telemetry';

const logger = createLogger({ service: 'test', level: 'silent' });
const server = fastify();
server.setErrorHandler((error, request, reply) => answerException(error, request, reply, logger));
serveDocs(server, readPublicDocument());

describe('the pages of an API', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('have the one that the type of %s leads to', async (code) => {
    const reply = await server.inject(problemBody(code).type);
    expect(reply.statusCode).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    expect(reply.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'self';/);
    expect(reply.body).toContain(`<h1><code>${code}</code></h1>`);
  });
  it.each(['/docs/errors/nonsense', '/docs/errors/__proto__', '/docs/errors/%3Cscript%3E'])(
    'have none at %s, and repeat nothing of it',
    async (url) => {
      const reply = await server.inject(url);
      expect(reply).toMatchObject({ statusCode: 404 });
      expect(reply.json()).toMatchObject({ code: 'not_found' });
      expect(reply.body).not.toMatch(/nonsense|proto|script/);
    },
  );
  it('stand in for a problem where a browser would show it as a document', async () => {
    const headers = { 'sec-fetch-mode': 'navigate' };
    const reply = await server.inject({ url: '/docs/errors/nonsense', headers });
    expect(reply).toMatchObject({ statusCode: 404, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(reply.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'self';/);
    expect(reply.body).toContain('href="/docs/errors/not_found"');
    const other = await server.inject({ url: '/docs/errors/nonsense', headers: { 'sec-fetch-mode': 'cors' } });
    expect(other.json()).toMatchObject({ code: 'not_found' });
  });
  it('have the reference, the list of errors, their style and the document itself', async () => {
    for (const [url, type] of [
      ['/docs/api', 'text/html; charset=utf-8'],
      ['/docs/errors', 'text/html; charset=utf-8'],
      ['/docs/style.css', 'text/css; charset=utf-8'],
      ['/openapi.json', 'application/json'],
    ])
      expect(await server.inject(url ?? '')).toMatchObject({ statusCode: 200, headers: { 'content-type': type } });
  });
});
