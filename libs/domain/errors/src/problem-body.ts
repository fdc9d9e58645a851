import { ERRORS, type ErrorCode } from './catalogue.js';

/** Below which each server of ours serves the pages of the errors. */
const ERROR_DOCS_PATH = '/docs/errors';

/**
 * A field that is at fault: its path (`rate_limits.requests_per_minute`, empty for the whole body) and what it must be.
 */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** The body of an error of the admin API: RFC 9457, `application/problem+json`. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail?: string;
  readonly instance?: string;
  readonly errors?: readonly FieldError[];
  readonly request_id?: string;
}

/** The members of a problem that vary between replies with the same code. */
export interface ProblemDetails {
  /** Says what went wrong this time. It must not contain a value of the request. */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;
  readonly instance?: string;
}

/**
 * The page that explains an error, as an absolute path (RFC 9457, section 3.1.1): right behind any origin, and no proxy
 * or host name can send a reader elsewhere.
 */
export function errorDocsUri(code: ErrorCode): string {
  return `${ERROR_DOCS_PATH}/${code}`;
}

/** Makes the body of an error in the shape of RFC 9457; members without a value are left out. */
export function problemBody(code: ErrorCode, about: ProblemDetails = {}): ProblemBody {
  const { message, status } = ERRORS[code];
  return {
    type: errorDocsUri(code),
    title: message,
    status,
    code,
    ...(about.detail !== undefined && { detail: about.detail }),
    ...(about.instance !== undefined && { instance: about.instance }),
    ...(about.errors !== undefined && about.errors.length > 0 && { errors: about.errors }),
    ...(about.requestId !== undefined && { request_id: about.requestId }),
  };
}
