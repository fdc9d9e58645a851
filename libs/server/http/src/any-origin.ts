import type { FastifyReply, FastifyRequest } from 'fastify';
import { pathOfTarget } from './request-target.js';

/** Paths that pages of every origin may call and read: they look at no cookie and at no credential. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/api/v1/auth/keys']);

/** For how long a browser keeps the answer to a preflight: as long as any does. */
const PREFLIGHT_SECONDS = 7_200;
const HEADER_NAMES = /^[\w!#$&'*+.^`|~-]+(?: *, *[\w!#$&'*+.^`|~-]+)*$/;
const HEADER_NAMES_LENGTH_MAX = 1_000;

/**
 * Lets pages of every origin read the reply to a request of such a path, whatever it is: also errors, and also the
 * answer to a preflight (Fetch, section 3.3.5). Without credentials: `*` allows none. The names of headers that a page
 * wants to send are given back, since `*` would leave out `authorization`, which SDKs send to every path.
 */
export function openToPages({ url, headers }: FastifyRequest, reply: FastifyReply): void {
  if (!OPEN_PATHS.has(pathOfTarget(url))) return;
  const asked = headers['access-control-request-headers'];
  void reply.headers({
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'x-request-id, retry-after',
  });
  if (headers['access-control-request-method'] === undefined) return;
  const names = typeof asked === 'string' && asked.length <= HEADER_NAMES_LENGTH_MAX && HEADER_NAMES.test(asked);
  void reply.headers({
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': names ? asked : 'authorization, content-type',
    'access-control-max-age': String(PREFLIGHT_SECONDS),
    vary: 'access-control-request-method, access-control-request-headers',
  });
}
