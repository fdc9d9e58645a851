import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorCode } from '@tollgate/errors';
import { headerOf } from './provider-call.js';

/** How a failure of a provider is answered where no other target is left. */
export interface Failure {
  readonly code: ErrorCode;
  /** Name and value in turn. */
  readonly headers: readonly string[];
  readonly message?: string;
}

/** Trouble of our account there is not the caller's: a 401 would blame the caller's key, a 402 the caller's credit. */
const OUR_ACCOUNT: ReadonlySet<number> = new Set([401, 402, 403, 407]);
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_PRIVATE_ADDRESS',
]);
/** How long a caller is asked to wait: SDKs know both. */
const RETRY_HEADERS = ['retry-after', 'retry-after-ms'] as const;
/** A number or a date (RFC 9110 §10.2.3): nothing else of a provider's reaches a client in them. */
const WAIT = /^(?:\d{1,15}(?:\.\d{1,15})?|[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT)$/;

/**
 * What a status other than success comes to; null for a reply that is the caller's to see, because it is about what
 * the caller sent.
 */
export function failureOfStatus(status: number, headers: IncomingHttpHeaders): Failure | null {
  const code = codeOfStatus(status);
  return code === null ? null : { code, headers: retryHeadersOf(headers) };
}

function codeOfStatus(status: number): ErrorCode | null {
  if (status === 429) return 'provider_overloaded';
  if (status === 504 || status === 408) return 'provider_timeout';
  return status >= 500 || status < 400 || OUR_ACCOUNT.has(status) ? 'provider_failed' : null;
}

function retryHeadersOf(headers: IncomingHttpHeaders): string[] {
  return RETRY_HEADERS.flatMap((name) => {
    const value = headerOf(headers, name);
    return WAIT.test(value) ? [name, value] : [];
  });
}

/** A connection that could not be made, or broke before the first byte of an answer. */
export function failureOfError(error: Error & { code?: string }): Failure {
  return { code: UNREACHABLE.has(error.code ?? '') ? 'provider_unreachable' : 'provider_failed', headers: [] };
}
