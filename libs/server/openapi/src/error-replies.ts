import { ERRORS, type ErrorCode } from '@tollgate/errors';
import type { ErrorShape } from './error-shapes.js';
import type { DescribedRoute } from './explore-controllers.js';
import type { JsonObject } from './openapi-document.js';
import { permissionRefusals } from './permission-docs.js';

/** The request id in examples. */
const REQUEST_ID = '0199f0a3-5c1e-7b3a-9d2f-3b1c5a7e9f10';

const codes = Object.keys(ERRORS) as ErrorCode[];

/** The errors that any request can get: its headers are at fault, the server is shutting down, or it has failed. */
const ALWAYS: readonly ErrorCode[] = [
  'invalid_request',
  'headers_too_large',
  'internal_error',
  'service_unavailable',
  'shutting_down',
];
const OF_BODIES: readonly ErrorCode[] = [
  'invalid_json',
  'request_timeout',
  'body_too_large',
  'unsupported_media_type',
  'server_busy',
];

/** The refusals of a route, by status. */
export function errorReplies(route: DescribedRoute, shape: ErrorShape): Record<string, JsonObject> {
  const statuses = new Map<number, ErrorCode[]>();
  for (const each of codesOf(route)) {
    const { status } = ERRORS[each];
    statuses.set(status, [...(statuses.get(status) ?? []), each]);
  }
  return Object.fromEntries([...statuses].map(([status, each]) => [String(status), errorReply(status, each, shape)]));
}

/** The codes that a route can refuse with, in the order of the catalogue. */
function codesOf({ body, access, method, permission = null, refusals }: DescribedRoute): ErrorCode[] {
  const named = new Set([
    ...ALWAYS,
    ...(body === null ? [] : OF_BODIES),
    ...(access?.refusals ?? []),
    ...(permission === null ? [] : permissionRefusals(permission, method)),
    ...refusals,
  ]);
  return codes.filter((each) => named.has(each));
}

function errorReply(status: number, ofStatus: readonly ErrorCode[], shape: ErrorShape): JsonObject {
  return {
    description: ofStatus.map((each) => `\`${each}\`: ${ERRORS[each].message}`).join('\n\n'),
    headers: { ...requestIdHeader, ...(ofStatus.some(saysWhen) && retryAfterHeader) },
    content: {
      [shape.mediaType]: {
        schema: { $ref: `#/components/schemas/${shape.schema.meta()?.id}` },
        examples: Object.fromEntries(
          ofStatus.map((each) => [each, { $ref: `#/components/examples/${exampleName(each, shape)}` }]),
        ),
      },
    },
  };
}

/** Whether a refusal may say after how long the same request is worth another try. */
const saysWhen = (each: ErrorCode): boolean =>
  [429, 503].includes(ERRORS[each].status) || each === 'idempotency_conflict';

const exampleName = (each: ErrorCode, { exampleSuffix }: ErrorShape): string => each + exampleSuffix;

/** The examples that the refusals of some routes refer to. */
export function errorExamples(routes: readonly DescribedRoute[], shape: ErrorShape): Record<string, JsonObject> {
  const named = new Set(routes.flatMap(codesOf));
  return Object.fromEntries(
    codes
      .filter((each) => named.has(each))
      .map((each) => [
        exampleName(each, shape),
        { summary: ERRORS[each].message, value: shape.body(each, { requestId: REQUEST_ID }) },
      ]),
  );
}

export const requestIdHeader = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };
export const entityTagHeader = { etag: { $ref: '#/components/headers/ETag' } };
export const replayedHeader = { 'idempotency-replayed': { $ref: '#/components/headers/IdempotencyReplayed' } };
const retryAfterHeader = { 'retry-after': { $ref: '#/components/headers/RetryAfter' } };

/** What is left to the caller, on the replies to who is known. */
export const rateLimitHeaders = {
  'ratelimit-limit': { $ref: '#/components/headers/RateLimitLimit' },
  'ratelimit-remaining': { $ref: '#/components/headers/RateLimitRemaining' },
  'ratelimit-reset': { $ref: '#/components/headers/RateLimitReset' },
};

/** The headers that the replies of a document refer to. */
export const replyHeaders = {
  ETag: {
    description: 'The version of what the reply shows, for `If-Match`.',
    schema: { type: 'string', pattern: '^"[1-9][0-9]*"$', examples: ['"7"'] },
  },
  RequestId: {
    description: 'The id of this request: give it along when you ask for help.',
    schema: { type: 'string', examples: [REQUEST_ID] },
  },
  IdempotencyReplayed: {
    description: 'There if this is the answer to an earlier request with the same `Idempotency-Key`.',
    schema: { const: 'true' },
  },
  RateLimitLimit: {
    description: 'How many calls a caller may make at once.',
    schema: { type: 'integer', minimum: 1, examples: [1_000] },
  },
  RateLimitRemaining: {
    description: 'How many of these are left.',
    schema: { type: 'integer', minimum: 0, examples: [999] },
  },
  RateLimitReset: {
    description: 'After how many seconds all of them are there again.',
    schema: { type: 'integer', minimum: 0, examples: [1] },
  },
  RetryAfter: {
    description: 'After how many seconds the same request may succeed. It is not on each reply of this status.',
    schema: { type: 'integer', minimum: 0, examples: [1] },
  },
};
