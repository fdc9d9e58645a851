import { anthropicWords } from '@tollgate/conversation';
import { ERRORS, type ErrorCode } from '@tollgate/errors';
import type { ErrorShape } from '../dialect.js';
import { kindOfCode } from '../provider-error.js';
import { anthropicRateLimits } from './rate-limits.js';

/** The values of `error.type` in Anthropic's error bodies, which clients decide by. */
type AnthropicErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'billing_error'
  | 'permission_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'timeout_error'
  | 'overloaded_error';

/** Statuses that have a type of their own. All other 5xx are `api_error`, the rest are errors of the request. */
const TYPES: Readonly<Record<number, AnthropicErrorType>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** The body of an error in Anthropic's dialects. */
interface AnthropicErrorBody {
  readonly type: 'error';
  readonly error: { readonly type: AnthropicErrorType; readonly message: string };
  readonly request_id: string;
}

/**
 * An error in Anthropic's format. `message` replaces the catalogue's text, and may not contain a value of the request.
 * The format has no place for the name of a field, so messages name it themselves.
 */
export function anthropicErrorBody(code: ErrorCode, message: string | null, requestId: string): AnthropicErrorBody {
  const entry = ERRORS[code];
  const type = TYPES[entry.status] ?? (entry.status >= 500 ? 'api_error' : 'invalid_request_error');
  const words = anthropicWords(kindOfCode(code), message) ?? entry.message;
  return { type: 'error', error: { type, message: words }, request_id: requestId };
}

const OVERLOADED = 529;

function bytesOf(code: ErrorCode, message: string | null, requestId: string): Buffer {
  return Buffer.from(JSON.stringify(anthropicErrorBody(code, message, requestId)));
}

/** The error format that Anthropic's dialects share. Clients know an error in a stream by the name of its event. */
export const ANTHROPIC_ERRORS: ErrorShape = {
  body: (code, message, _param, requestId) => bytesOf(code, message, requestId),
  // Claude Code goes over to another model after it.
  statusOf: (code) => (code === 'server_is_overloaded' ? OVERLOADED : null),
  rateLimitHeaders: anthropicRateLimits,
  event: (code, { requestId }) => `event: error\ndata: ${bytesOf(code, null, requestId).toString('latin1')}\n\n`,
};
