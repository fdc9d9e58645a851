import type { ErrorCode } from '@tollgate/errors';

/** A request leaves the path with an answer from the error catalogue. A value, not an exception. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly code: ErrorCode;
  /** More than the catalogue says; never holds anything secret. */
  readonly message: string | null;
  /** The field of the request that is wrong. */
  readonly param: string | null;
  /** Reply headers, name and value in turn. */
  readonly headers: readonly string[];
}

export function refuse(
  code: ErrorCode,
  detail: { message?: string; param?: string; headers?: readonly string[] } = {},
): Refusal {
  return {
    kind: 'refusal',
    code,
    message: detail.message ?? null,
    param: detail.param ?? null,
    headers: detail.headers ?? [],
  };
}

/** Whether a value that is a refusal or something else is a refusal. */
export function isRefusal(value: object): value is Refusal {
  return 'kind' in value && value.kind === 'refusal';
}
