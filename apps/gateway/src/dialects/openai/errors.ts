import { openAiWords } from '@tollgate/conversation';
import { ERRORS, type ErrorCode } from '@tollgate/errors';
import type { ErrorShape } from '../dialect.js';
import { openRouterErrors } from '../openrouter/errors.js';
import { kindOfCode } from '../provider-error.js';

/** The values of `error.type` in OpenAI's error bodies. */
type OpenAiErrorType =
  'invalid_request_error' | 'insufficient_quota' | 'permission_error' | 'rate_limit_error' | 'server_error';

/** Statuses whose errors have their own type. All other 5xx are `server_error`, the rest are errors of the request. */
const TYPES: Readonly<Record<number, OpenAiErrorType>> = {
  402: 'insufficient_quota',
  403: 'permission_error',
  429: 'rate_limit_error',
};

/** The body of an error in OpenAI's dialects. */
interface OpenAiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: OpenAiErrorType;
    readonly param: string | null;
    readonly code: ErrorCode;
  };
}

/**
 * An error in OpenAI's format. `message` replaces the catalogue's text; `param` names the faulty field. Neither may
 * contain a value of the request.
 */
export function openAiErrorBody(code: ErrorCode, message: string | null, param: string | null): OpenAiErrorBody {
  const entry = ERRORS[code];
  const type = TYPES[entry.status] ?? (entry.status >= 500 ? 'server_error' : 'invalid_request_error');
  const words = openAiWords(kindOfCode(code), message) ?? entry.message;
  return { error: { message: words, type, param, code } };
}

function bytesOf(code: ErrorCode, message: string | null, param: string | null): Buffer {
  return Buffer.from(JSON.stringify(openAiErrorBody(code, message, param)));
}

/** The error format that all of OpenAI's dialects share. */
export const OPENAI_ERRORS: ErrorShape = {
  body: bytesOf,
  event: (code) => `data: ${bytesOf(code, null, null).toString('latin1')}\n\n`,
  belowApi: openRouterErrors({ object: 'chat.completion.chunk', choice: { delta: { content: '' } } }),
};
