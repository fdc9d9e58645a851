import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { parseQuery } from './parse-body.js';
import { Problem } from './problem.js';
import { pathOfTarget } from './request-target.js';

/** The paths of pages whose forms work without a script, and so send their fields as browsers do by themselves. */
const FORM_PATHS: ReadonlySet<string> = new Set(['/auth']);
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** Whether a request sends a plain form to a path that takes one. Anywhere else such a body is 415. */
export function isForm({ url, headers }: Pick<FastifyRequest, 'url' | 'headers'>): boolean {
  return FORM_TYPE.test(headers['content-type'] ?? '') && FORM_PATHS.has(pathOfTarget(url));
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The fields of a plain form as their schema has them; each is a text. `body` is what the server hands to handlers.
 * @throws {Problem} `unsupported_media_type` for a body of JSON; `invalid_request` for a field that comes twice, for
 *   text that is no UTF-8 or that no database can store, and as the schema says
 */
export function parseForm<S extends z.ZodType>(
  schema: S,
  body: unknown,
  request: Pick<FastifyRequest, 'url' | 'headers'>,
): z.output<S> {
  if (body instanceof Uint8Array && !isForm(request))
    throw new Problem('unsupported_media_type', { detail: 'The body must be that of a form.' });
  const fields: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(body instanceof Uint8Array ? decode(body) : '')) {
    if (name in fields)
      throw new Problem('invalid_request', { errors: [{ path: name, message: 'must be given once' }] });
    fields[name] = value;
  }
  return parseQuery(schema, fields);
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem('invalid_request', { detail: 'The form is not valid UTF-8.' });
  }
}
