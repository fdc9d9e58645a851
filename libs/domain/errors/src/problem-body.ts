import { ERRORS, type ErrorCode } from './catalogue.js';

/** Where `docs/errors.md` is served; the page's anchors are the codes. */
const ERROR_DOCS_PATH = '/docs/errors';

/**
 * One field that is at fault: where it is (`rate_limits.requests_per_minute`, empty for the whole) and what it must be.
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

export interface ProblemDetails {
  /** What went wrong this time. Must not carry a value of the request. */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;
  readonly instance?: string;
}

/** The page that explains an error: a URI reference, relative to wherever the docs are served (RFC 9457, 3.1.1). */
export function errorDocsUri(code: ErrorCode): string {
  return `${ERROR_DOCS_PATH}#${code}`;
}

/** An error as RFC 9457 has it; members without a value are left out. */
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
