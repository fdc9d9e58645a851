import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.js';

/** What a request that names two hosts is told. */
export const SEVERAL_HOSTS = 'The request has more than one Host header.';

/**
 * Whether a request has more than one `Host` (RFC 9112, section 3.2: that is 400). Node.js keeps the first and drops the
 * others, which a proxy before us may have gone by. `rawHeaders` are names and values in turn.
 */
export function namesSeveralHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

/** Answers a request with several hosts by 400. Raw handlers in front of the framework ask for themselves. */
export function refuseSeveralHosts(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (namesSeveralHosts(request.raw.rawHeaders)) done(new Problem('invalid_request', { detail: SEVERAL_HOSTS }));
    else done();
  });
}
