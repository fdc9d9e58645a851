import { errorPage, errorsPage, referencePage, STYLE, type OpenApiDocument } from '@tollgate/openapi';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { PAGE_HEADERS } from './page-headers.js';
import { Problem } from './problem.js';

/**
 * Serves the document of an API, its reference page, and the pages that the `type` of a problem leads to. Nothing of
 * it needs a credential.
 */
export function serveDocs(fastify: FastifyInstance, document: OpenApiDocument): void {
  const json = Buffer.from(JSON.stringify(document));
  const reference = once(() => referencePage(document));
  const errors = once(errorsPage);
  fastify.get('/openapi.json', (_request, reply) => reply.type('application/json').send(json));
  fastify.get('/docs/style.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(STYLE));
  fastify.get('/docs/api', (_request, reply) => sendPage(reply, reference()));
  fastify.get('/docs/errors', (_request, reply) => sendPage(reply, errors()));
  fastify.get<{ Params: { code: string } }>('/docs/errors/:code', (request, reply) => {
    const page = errorPage(request.params.code);
    if (page === null) throw new Problem('not_found');
    return sendPage(reply, page);
  });
}

const sendPage = (reply: FastifyReply, page: string): FastifyReply => reply.headers(PAGE_HEADERS).send(page);

/** Makes a page at its first request: most processes are never asked for one. */
function once(make: () => string): () => string {
  let made: string | undefined;
  return () => (made ??= make());
}
