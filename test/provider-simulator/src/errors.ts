/** The content of `error` in an answer of OpenAI's. */
export interface OpenAiError {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

/** Whose shape the errors of a path have. */
export type ErrorFamily = 'openai' | 'anthropic';

/** A 400 of OpenAI's. */
export function invalidRequest(message: string, param: string | null = null, code: string | null = null): OpenAiError {
  return { message, type: 'invalid_request_error', param, code };
}

/** The error that OpenAI sends with a status; what it has no text of its own for is named after the status. */
export function errorOfStatus(status: number): OpenAiError {
  switch (status) {
    case 401:
      return invalidRequest('Incorrect API key provided.', null, 'invalid_api_key');
    case 429:
      return {
        message: 'Rate limit reached for requests.',
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      };
    case 500:
      return {
        message: 'The server had an error while processing your request.',
        type: 'server_error',
        param: null,
        code: null,
      };
    case 503:
      return {
        message: 'The engine is currently overloaded, please try again later.',
        type: 'server_error',
        param: null,
        code: 'server_overloaded',
      };
    default:
      return {
        ...invalidRequest(`The simulator was told to answer ${status}.`),
        ...(status >= 500 ? { type: 'server_error' } : {}),
      };
  }
}

/** The error for a request that is longer than the context of its model, in the words of a family. */
export function tooLong(family: ErrorFamily): OpenAiError {
  const words =
    family === 'anthropic'
      ? 'prompt is too long: 210000 tokens > 200000 maximum'
      : "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.";
  return invalidRequest(words, 'messages', 'context_length_exceeded');
}

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** The `type` of Anthropic's error with a status. */
export function anthropicType(status: number): string {
  return ANTHROPIC_TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

/** The body of an error in the shape of a family. */
export function errorBody(family: ErrorFamily, status: number, error: OpenAiError, requestId: string): object {
  if (family === 'openai') return { error };
  return { type: 'error', error: { type: anthropicType(status), message: error.message }, request_id: requestId };
}
