import { ADMIN_CHALLENGE, hasBody, pathOfTarget, Problem } from '@tollgate/http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ErrorCode } from '@tollgate/errors';
import { CONTROL_PLANE_PREFIXES } from './prefixes.js';

const GITHUB_WEBHOOK = `${CONTROL_PLANE_PREFIXES.secretScanning}/github/`;

/**
 * Refuses bodies that come without any credential before they are read. Whether a credential is good only the service
 * behind knows, and it is asked when the body is here: bodies are held to their limit before anything is passed on.
 */
export function refuseBareBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const code = request.method === 'POST' && hasBody(request.raw) ? missingIn(request) : null;
    if (code === null) done();
    else done(new Problem(code, code === 'missing_admin_secret' ? { headers: ADMIN_CHALLENGE } : {}));
  });
}

function missingIn({ url, headers }: FastifyRequest): ErrorCode | null {
  const path = pathOfTarget(url);
  if (path.startsWith(GITHUB_WEBHOOK)) {
    return headers['github-public-key-identifier'] && headers['github-public-key-signature']
      ? null
      : 'invalid_signature';
  }
  const { keyManagement, usageBilling } = CONTROL_PLANE_PREFIXES;
  const isAdmin = [keyManagement, usageBilling].some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  return isAdmin && headers.authorization === undefined ? 'missing_admin_secret' : null;
}
