import type { RateState } from '@tollgate/credit';
import type { ErrorShape } from '../../dialects/dialect.js';

/**
 * The `x-ratelimit-*` headers in OpenAI's form (resets like `12ms` or `1.5s`), and those of the dialect, if it has any:
 * names and values in turn.
 */
export function rateLimitHeaders(rate: RateState, errors: Pick<ErrorShape, 'rateLimitHeaders'>): string[] {
  const { requests, tokens } = rate;
  const headers = errors.rateLimitHeaders === undefined ? [] : [...errors.rateLimitHeaders(rate, Date.now())];
  if (requests !== null) {
    headers.push(
      'x-ratelimit-limit-requests',
      String(requests.limit),
      'x-ratelimit-remaining-requests',
      String(requests.remaining),
      'x-ratelimit-reset-requests',
      duration(requests.resetMs),
    );
  }
  if (tokens !== null) {
    headers.push(
      'x-ratelimit-limit-tokens',
      String(tokens.limit),
      'x-ratelimit-remaining-tokens',
      String(tokens.remaining),
      'x-ratelimit-reset-tokens',
      duration(tokens.resetMs),
    );
  }
  return headers;
}

/** `Retry-After` in whole seconds, and `retry-after-ms`, which OpenAI's clients prefer: names and values in turn. */
export function retryHeaders(retryAfterMs: number): string[] {
  return ['retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1_000))), 'retry-after-ms', String(retryAfterMs)];
}

function duration(ms: number): string {
  return ms < 1_000 ? `${ms}ms` : `${ms / 1_000}s`;
}
