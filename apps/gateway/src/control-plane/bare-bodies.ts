import { unreachable, type ErrorCode } from '@tollgate/errors';
import { ADMIN_CHALLENGE, hasBody, pathOfTarget, Problem } from '@tollgate/http';
import type { Credential } from '@tollgate/openapi';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { areaOf, controlPlanePaths, type PublicPath } from './public-paths.js';

/**
 * Refuses bodies that come without any credential, where the documents ask for one, before they are read. Whether a
 * credential is good only the service behind knows, and it is asked when the body is here: bodies are held to their
 * limit before anything is passed on.
 */
export function refuseBareBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const code = hasBody(request.raw) ? missingIn(request) : null;
    if (code === null) done();
    else done(new Problem(code, code === 'missing_admin_secret' ? { headers: ADMIN_CHALLENGE } : {}));
  });
}

function missingIn({ method, url, headers }: FastifyRequest): ErrorCode | null {
  const credential = credentialFor(method, pathOfTarget(url));
  switch (credential) {
    case 'githubSignature':
      return headers['github-public-key-identifier'] && headers['github-public-key-signature']
        ? null
        : 'invalid_signature';
    case 'adminSecret':
      return headers.authorization === undefined ? 'missing_admin_secret' : null;
    case 'apiKey':
    case null:
      return null;
    default:
      return unreachable(credential);
  }
}

/** What a route with a body asks callers to show; null where it asks for nothing, or there is no such route. */
function credentialFor(method: string, path: string): Credential | null {
  const route = controlPlanePaths.find(({ pattern }) => pattern.test(path));
  switch (method) {
    case 'PUT':
    case 'PATCH':
      return route === undefined ? null : credentialOf(route, [method.toLowerCase()]);
    case 'POST':
      return route === undefined
        ? credentialBelow(areaOf(path))
        : credentialOf(route, ['post', ...Object.keys(route.item)]);
    default:
      return null;
  }
}

/** Of the first of these methods that the path takes. */
function credentialOf({ item }: PublicPath, methods: readonly string[]): Credential | null {
  const operation = methods.map((method) => item[method as keyof typeof item]).find((each) => each !== undefined);
  return (Object.keys(operation?.security[0] ?? {})[0] ?? null) as Credential | null;
}

/** For a path that no service has: the admin secret where all routes beside it ask for that. */
function credentialBelow(area: string): Credential | null {
  const beside = controlPlanePaths.filter(({ template }) => areaOf(template) === area);
  const asked = beside.flatMap((each) => Object.keys(each.item).map((method) => credentialOf(each, [method])));
  return asked.length > 0 && asked.every((credential) => credential === 'adminSecret') ? 'adminSecret' : null;
}
