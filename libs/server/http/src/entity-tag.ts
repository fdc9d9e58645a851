import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { readsHeader } from '@tollgate/openapi';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** The tag of one version of a thing (RFC 9110, section 8.8.3). A hash of the body would change with its last use. */
export const entityTagOf = (version: number): string => `"${version}"`;

/** Sets `ETag` on a reply that shows a thing of this version. Its route has `@ShowsVersion()`. */
export function showVersion(reply: Pick<FastifyReply, 'header'>, version: number): void {
  void reply.header('etag', entityTagOf(version));
}

/** What a change demands of the version that it replaces: what `If-Match` says. */
export interface Precondition {
  /**
   * To be asked inside the transaction that has locked the thing, so that of two changes at once one is too late.
   * @throws {Problem} `precondition_failed` if the version is none of those that the caller named
   */
  holdsFor(version: number): void;
}

/** Of a request without `If-Match`. */
export const NO_PRECONDITION: Precondition = { holdsFor: () => undefined };

/** One entity tag: the mark of a weak one, and what is between its quotes (RFC 9110, section 8.8.3). */
const TAG = /[\t ]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[\t ]*(?:,|$)|[\t ]*,/y;

/**
 * Reads `If-Match`: `*`, or a list of tags. Weak tags never match (RFC 9110, section 13.1.1).
 * @throws {Problem} `invalid_request` if it is neither
 */
export function readIfMatch(header: string | undefined): Precondition {
  if (header === undefined) return NO_PRECONDITION;
  if (header.trim() === '*') return NO_PRECONDITION;
  const tags = tagsOf(header);
  if (tags === null)
    throw new Problem('invalid_request', {
      errors: [{ path: 'if-match', message: 'must be *, or entity tags in quotation marks with commas between them' }],
    });
  return {
    holdsFor: (version) => {
      const current = entityTagOf(version);
      if (tags.some(({ weak, text }) => !weak && text === current)) return;
      const weakened = tags.some(({ weak, text }) => weak && text === current);
      throw new Problem('precondition_failed', weakened ? { detail: WEAK } : {});
    },
  };
}

const WEAK =
  'If-Match has the tag of this version as a weak one (W/), and a weak tag never matches. A proxy may have weakened it.';

function tagsOf(header: string): readonly { readonly weak: boolean; readonly text: string }[] | null {
  const tags = [];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < header.length) {
    const found = TAG.exec(header);
    if (found === null) return null;
    if (found[2] !== undefined) tags.push({ weak: found[1] !== undefined, text: found[2] });
  }
  return tags.length > 0 ? tags : null;
}

/** A handler's parameter: the `Precondition` of its request. */
export const IfMatch = createParamDecorator(
  readsHeader(
    {
      name: 'if-match',
      description:
        'The `ETag` of the version that is to be changed, several of them, or `*`. If the version is another one by now, nothing is changed. Without it the change is made to any version.',
      schema: { type: 'string', minLength: 1, maxLength: 1_024, examples: ['"7"'] },
      refusals: ['precondition_failed'],
    },
    (_data: unknown, context: ExecutionContext): Precondition =>
      readIfMatch(context.switchToHttp().getRequest<FastifyRequest>().headers['if-match']),
  ),
);
