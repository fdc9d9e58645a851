import type { RateState } from '@tollgate/credit';

/** `x-ratelimit-*` in OpenAI's form (resets like `12ms` or `1.5s`), name and value in turn. */
export function rateLimitHeaders(rate: RateState): string[] {
  const headers: string[] = [];
  for (const unit of ['requests', 'tokens'] as const) {
    const left = rate[unit];
    if (left === null) continue;
    headers.push(`x-ratelimit-limit-${unit}`, String(left.limit), `x-ratelimit-remaining-${unit}`, String(left.remaining), `x-ratelimit-reset-${unit}`, duration(left.resetMs));
  }
  return headers;
}

/** `Retry-After` in whole seconds, and `retry-after-ms`, which OpenAI's clients read first. */
export function retryHeaders(retryAfterMs: number): string[] {
  return ['retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1_000))), 'retry-after-ms', String(retryAfterMs)];
}

function duration(ms: number): string {
  return ms < 1_000 ? `${ms}ms` : `${ms / 1_000}s`;
}
