import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { readsHeader, repliesOf } from '@tollgate/openapi';
import type { FastifyRequest } from 'fastify';
import { Problem } from './problem.js';
import { pathOfTarget } from './request-target.js';

/** In which a caller names a request, to be able to repeat it. */
const IDEMPOTENCY_HEADER = 'idempotency-key';
const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/** What of a request decides whether it is one that was answered already. */
export interface IdempotentRequest {
  /** What the caller calls the request; null without `Idempotency-Key`. */
  readonly key: string | null;
  readonly method: string;
  /** The path itself, with the ids in it. */
  readonly path: string;
  /** A digest of the query and the body, to the byte. */
  readonly fingerprint: Buffer;
  /** What the serializer makes of a reply of this route: what no reply may show is not stored either. */
  serialize(body: object): unknown;
}

/**
 * Reads `Idempotency-Key`, a name of 1 to 255 visible characters of ASCII.
 * @throws {Problem} `invalid_request` if it is none, which several headers of that name are not either
 */
function readIdempotencyKey(header: string | readonly string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && VISIBLE_ASCII.test(header)) return header;
  const errors = [{ path: IDEMPOTENCY_HEADER, message: 'must be 1 to 255 visible ASCII characters, without spaces' }];
  throw new Problem('invalid_request', { errors });
}

/** A digest of the query and the body of a request; that its parts are apart is seen by their lengths. */
function fingerprintOf(query: string, body: unknown): Buffer {
  const bytes = body instanceof Uint8Array ? body : new Uint8Array();
  return createHash('sha256').update(`${query.length} ${bytes.length} ${query}`).update(bytes).digest();
}

/** A handler's parameter: its request as one that may be a repetition. The handler asks `Idempotency` to answer it. */
export const Idempotent = createParamDecorator(
  readsHeader(
    {
      name: IDEMPOTENCY_HEADER,
      description:
        'A name of your choice for this request, such as a UUID. For 24 hours the same request with the same name has ' +
        'no second effect and gets the first answer again, marked by `idempotency-replayed`.',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
      refusals: ['idempotency_conflict', 'idempotency_key_reused'],
    },
    (_data: unknown, context: ExecutionContext): IdempotentRequest => {
      const request = context.switchToHttp().getRequest<FastifyRequest>();
      const schema = repliesOf(context.getHandler())?.schema;
      const path = pathOfTarget(request.url);
      return {
        key: readIdempotencyKey(request.headers[IDEMPOTENCY_HEADER]),
        method: request.method,
        path,
        fingerprint: fingerprintOf(request.url.slice(path.length), request.body),
        serialize: (body) => schema?.parse(body) ?? null,
      };
    },
  ),
);
