import { ERRORS, type ErrorCode } from '@tollgate/errors';
import type { ErrorShape } from '../dialect.js';

/** `error.type` in a body of OpenAI's. */
type OpenAiErrorType =
  'invalid_request_error' | 'insufficient_quota' | 'permission_error' | 'rate_limit_error' | 'server_error';

/** Statuses whose errors have a type of their own; of all others 5xx is the server's error, the rest the request's. */
const TYPES: Readonly<Record<number, OpenAiErrorType>> = {
  402: 'insufficient_quota',
  403: 'permission_error',
  429: 'rate_limit_error',
};

/** The body of an error where the endpoint speaks a dialect of OpenAI's. */
interface OpenAiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: OpenAiErrorType;
    readonly param: string | null;
    readonly code: ErrorCode;
  };
}

/**
 * An error in OpenAI's shape. `message` replaces the catalogue's; `param` names the field of the request that is at
 * fault. Neither may carry a value of the request.
 */
export function openAiErrorBody(code: ErrorCode, message: string | null, param: string | null): OpenAiErrorBody {
  const entry = ERRORS[code];
  const type = TYPES[entry.status] ?? (entry.status >= 500 ? 'server_error' : 'invalid_request_error');
  return { error: { message: message ?? entry.message, type, param, code } };
}

function bytesOf(code: ErrorCode, message: string | null, param: string | null): Buffer {
  return Buffer.from(JSON.stringify(openAiErrorBody(code, message, param)));
}

/** How all of OpenAI's dialects tell an error. */
export const OPENAI_ERRORS: ErrorShape = {
  body: bytesOf,
  event: (code) => `data: ${bytesOf(code, null, null).toString('latin1')}\n\n`,
};
