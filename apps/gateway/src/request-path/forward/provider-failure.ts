import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorKind } from '@tollgate/conversation';
import type { ErrorCode } from '@tollgate/errors';
import { headerOf } from './provider-call.js';

/** The reply to the client if a provider fails and no other target is left. */
export interface Failure {
  readonly code: ErrorCode;
  /** Reply headers: names and values in turn. */
  readonly headers: readonly string[];
  readonly message?: string;
}

/**
 * Statuses that concern our account at the provider, not the caller: a 401 would blame the caller's key, a 402 the
 * caller's credit.
 */
const OUR_ACCOUNT: ReadonlySet<number> = new Set([401, 402, 403, 407]);
/** OpenAI's status of a server without free capacity, and Anthropic's. */
const OVERLOADED: ReadonlySet<number> = new Set([503, 529]);
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_PRIVATE_ADDRESS',
]);
/** Headers that tell a caller how long to wait. SDKs read both. */
const RETRY_HEADERS = ['retry-after', 'retry-after-ms'] as const;
/** A number or a date (RFC 9110 §10.2.3). No other value of a provider's is passed on in these headers. */
const WAIT = /^(?:\d{1,15}(?:\.\d{1,15})?|[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT)$/;

/**
 * The failure that an error of a provider means. Null for a reply that the caller should see, because it concerns the
 * caller's request. Anthropic says with status 400, and OpenAI with 429, that our account has no credit left: `kind` is
 * `quota` then. OpenRouter says with 403 that the caller's input is forbidden: `kind` is `content_filter` then.
 */
export function failureOf(status: number, headers: IncomingHttpHeaders, kind: ErrorKind | null): Failure | null {
  if (kind === 'content_filter' && status < 500) return null;
  const code = kind === 'quota' ? 'provider_failed' : codeOfStatus(status);
  return code === null ? null : { code, headers: retryHeadersOf(headers) };
}

function codeOfStatus(status: number): ErrorCode | null {
  if (status === 429) return 'provider_overloaded';
  if (OVERLOADED.has(status)) return 'server_is_overloaded';
  if (status === 504 || status === 408) return 'provider_timeout';
  return status >= 500 || status < 400 || OUR_ACCOUNT.has(status) ? 'provider_failed' : null;
}

function retryHeadersOf(headers: IncomingHttpHeaders): string[] {
  return RETRY_HEADERS.flatMap((name) => {
    const value = headerOf(headers, name);
    return WAIT.test(value) ? [name, value] : [];
  });
}

/** The failure of a connection that could not be made, or broke before the first byte of an answer. */
export function failureOfError(error: Error & { code?: string }): Failure {
  return { code: UNREACHABLE.has(error.code ?? '') ? 'provider_unreachable' : 'provider_failed', headers: [] };
}
