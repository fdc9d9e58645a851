import type { ErrorCode } from '@tollgate/errors';

/** The answer of a request that leaves the path before a provider was called: a value, not an exception. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly code: ErrorCode;
  /** Replaces the catalogue's message; null for the catalogue's own. Never contains a secret. */
  readonly message: string | null;
  /** The faulty field of the request; null if there is none. */
  readonly param: string | null;
  /** Reply headers: names and values in turn. */
  readonly headers: readonly string[];
}

/** Makes a refusal with a code of the error catalogue. */
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

/** Tells a refusal from another object. */
export function isRefusal(value: object): value is Refusal {
  return 'kind' in value && value.kind === 'refusal';
}
