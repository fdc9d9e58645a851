import type { FastifyInstance, FastifyRequest } from 'fastify';
import { hasBody } from './body-framing.js';
import { isForm } from './forms.js';
import { Problem } from './problem.js';
import { isStreamed, LINES_MEDIA_TYPE } from './streamed-bodies.js';

const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9!#$&^_.+-]+\+)?json\s*(?:;|$)/i;

/**
 * Bodies as bytes, kept once: a JSON body becomes a `Buffer` for `RequestPipe` (webhooks check their signature on
 * the very same bytes), and so does that of a form where forms are taken (`isForm`); an empty one is no body whatever
 * its content type; anything else is 415, as is a compressed one: bodies here are small, and what is not decoded cannot
 * be a bomb.
 *
 * One parser for every content type, by pattern: named ones would collide with those that plug-ins in scopes of
 * their own register (`@fastify/http-proxy`). A scope that reads bodies itself calls
 * `scope.removeAllContentTypeParsers()` and adds its own.
 */
export function readBodiesAsBytes(fastify: FastifyInstance): void {
  // Fastify refuses `DELETE` with `content-type: application/json` and no body, and malformed types even so.
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (!hasBody(request.raw)) delete request.raw.headers['content-type'];
    done();
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(LINES_MEDIA_TYPE, (request, payload, done) => {
    if (isCoded(request)) done(compressedBody());
    else if (isStreamed(request)) done(null, payload);
    else done(new Problem('unsupported_media_type'));
  });
  fastify.addContentTypeParser(/^/, { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const contentType = request.headers['content-type'];
    if (body.length === 0) done(null, undefined);
    else if (isCoded(request)) done(compressedBody());
    else if (isStreamed(request)) done(notOfLines());
    else if (contentType === undefined || JSON_MEDIA_TYPE.test(contentType) || isForm(request)) done(null, body);
    else done(new Problem('unsupported_media_type'));
  });
}

/** RFC 9110, section 8.4: `identity` says that nothing was done. */
function isCoded({ headers }: FastifyRequest): boolean {
  const codings = (headers['content-encoding'] ?? '').toLowerCase().split(',');
  return codings.some((coding) => !['', 'identity'].includes(coding.trim()));
}

function notOfLines(): Problem {
  return new Problem('unsupported_media_type', { detail: `The body must be of the media type ${LINES_MEDIA_TYPE}.` });
}

function compressedBody(): Problem {
  const detail = 'The body must be sent without a Content-Encoding.';
  return new Problem('unsupported_media_type', { detail, headers: { 'accept-encoding': 'identity' } });
}
