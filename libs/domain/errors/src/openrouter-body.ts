import { ERRORS, type ErrorCode } from './catalogue.js';

/** The body of an error as OpenRouter writes it: openrouter.ai/docs/api/reference/errors-and-debugging. */
interface OpenRouterBody {
  readonly error: {
    /** The HTTP status. Its SDKs refuse any other value. */
    readonly code: number;
    readonly message: string;
    readonly metadata: {
      /** OpenRouter's name for the kind of error. */
      readonly error_type: string;
      /** Our own code. */
      readonly code: ErrorCode;
      /** The field that is at fault. */
      readonly param?: string;
    };
  };
}

/** OpenRouter's names for kinds of errors that more than one of our codes has, by their status. */
const TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'authentication',
  402: 'payment_required',
  403: 'permission_denied',
  404: 'not_found',
  408: 'timeout',
  412: 'precondition_failed',
  413: 'payload_too_large',
  422: 'unprocessable',
  429: 'rate_limit_exceeded',
  502: 'provider_unavailable',
  504: 'timeout',
};
const TYPE_OF_CODE: Partial<Record<ErrorCode, string>> = {
  context_length_exceeded: 'context_length_exceeded',
  content_policy_violation: 'content_policy_violation',
  server_is_overloaded: 'provider_overloaded',
  provider_busy: 'provider_overloaded',
  provider_not_configured: 'provider_unavailable',
};

/** OpenRouter's name for the kind of an error with this HTTP status. */
export function openRouterType(status: number): string {
  return TYPE_OF_STATUS[status] ?? (status >= 500 ? 'server' : 'invalid_request');
}

/** An error in the shape of OpenRouter. `message` replaces the catalogue's text; `param` names the faulty field. */
export function openRouterBody(
  code: ErrorCode,
  { message, param }: { readonly message?: string | null; readonly param?: string | null } = {},
): OpenRouterBody {
  const { status, message: usual } = ERRORS[code];
  const field = param === undefined || param === null ? {} : { param };
  return {
    error: {
      code: status,
      message: message ?? usual,
      metadata: { error_type: TYPE_OF_CODE[code] ?? openRouterType(status), code, ...field },
    },
  };
}
