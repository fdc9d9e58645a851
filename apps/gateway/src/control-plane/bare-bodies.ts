import { cookiesNamed, SESSION_COOKIE_NAMES } from '@tollgate/auth';
import type { ErrorCode } from '@tollgate/errors';
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
    else done(new Problem(code, code === 'missing_credential' ? { headers: ADMIN_CHALLENGE } : {}));
  });
}

/** What a route asks for: a signature in headers, or one of these credentials. Empty where it asks for nothing. */
type Asked = readonly Credential[];

function missingIn({ method, url, headers }: FastifyRequest): ErrorCode | null {
  const asked = askedBy(method, pathOfTarget(url));
  if (asked.includes('githubSignature'))
    return headers['github-public-key-identifier'] && headers['github-public-key-signature']
      ? null
      : 'invalid_signature';
  if (asked.length === 0) return null;
  // Also where a session may not do it: the service says so in the words for who is known and may not.
  const shown = headers.authorization !== undefined || hasSessionCookie(headers.cookie);
  return shown ? null : 'missing_credential';
}

/** Under either of its names: which of them is in use only the services know. */
const hasSessionCookie = (cookie: string | undefined): boolean =>
  SESSION_COOKIE_NAMES.some((name) => cookiesNamed(cookie, name).length > 0);

/** What a route with a body asks callers to show. */
function askedBy(method: string, path: string): Asked {
  const route = controlPlanePaths.find(({ pattern }) => pattern.test(path));
  switch (method) {
    case 'PUT':
    case 'PATCH':
      return route === undefined ? [] : askedOf(route, [method.toLowerCase()]);
    case 'POST':
      return route === undefined ? askedBelow(areaOf(path)) : askedOf(route, ['post', ...Object.keys(route.item)]);
    default:
      return [];
  }
}

/** Of the first of these methods that the path takes. */
function askedOf({ item }: PublicPath, methods: readonly string[]): Asked {
  const operation = methods.map((method) => item[method as keyof typeof item]).find((each) => each !== undefined);
  return (operation?.security ?? []).flatMap((each) => Object.keys(each)) as Credential[];
}

/** For a path that no service has: a credential of the admin API where all routes beside it ask for one. */
function askedBelow(area: string): Asked {
  const beside = controlPlanePaths.filter(({ template }) => areaOf(template) === area);
  const asked = beside.flatMap((each) => Object.keys(each.item).map((method) => askedOf(each, [method])));
  const credentials: Asked = ['adminSecret', 'apiKey', 'session'];
  const allAsk = asked.every((each) => each.some((credential) => credentials.includes(credential)));
  return asked.length > 0 && allAsk ? credentials : [];
}
