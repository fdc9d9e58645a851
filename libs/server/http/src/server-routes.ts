import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { sortRoutes, type RouteName } from '@tollgate/openapi';
import type { FastifyInstance } from 'fastify';

const routes = new WeakMap<object, RouteName[]>();

/** Keeps the routes of a server as they are registered, for `publicRoutesOf`. */
export function listRoutes(fastify: FastifyInstance): void {
  const listed: RouteName[] = [];
  routes.set(fastify.server, listed);
  fastify.addHook('onRoute', ({ method, url }) => {
    for (const each of typeof method === 'string' ? [method] : method)
      listed.push({ method: each, path: url.replace(/:(\w+)/g, '{$1}') });
  });
}

/** What every server has, and no document: its health, the document itself, the pages that explain it. */
const UNDOCUMENTED = [
  '/healthz',
  '/openapi.json',
  '/docs/api',
  '/docs/errors',
  '/docs/errors/{code}',
  '/docs/style.css',
];

/**
 * The routes of an initialised application that its document must have, sorted: all but those for other services, and
 * HEAD, which every GET brings.
 */
export function publicRoutesOf(app: NestFastifyApplication): RouteName[] {
  const all = routes.get(app.getHttpServer() as object) ?? [];
  return sortRoutes(
    all.filter(
      ({ method, path }) => method !== 'HEAD' && !path.startsWith('/internal/') && !UNDOCUMENTED.includes(path),
    ),
  );
}
