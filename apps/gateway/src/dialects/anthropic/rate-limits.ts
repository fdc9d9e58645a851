import type { RateState } from '@tollgate/credit';
import { isoTime } from '../../request-path/iso-time.js';

/** The `anthropic-ratelimit-*` headers, whose resets are points in time (RFC 3339): names and values in turn. */
export function anthropicRateLimits({ requests, tokens }: RateState, nowMs: number): readonly string[] {
  const headers: string[] = [];
  for (const [name, window] of [
    ['requests', requests],
    ['tokens', tokens],
  ] as const) {
    if (window === null) continue;
    const { limit, remaining, resetMs } = window;
    const of = (what: string): string => `anthropic-ratelimit-${name}-${what}`;
    headers.push(of('limit'), String(limit), of('remaining'), String(remaining), of('reset'), isoTime(nowMs + resetMs));
  }
  return headers;
}
