import type { Principal } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import { AddressAllowance } from '@tollgate/http';
import type { AdminApiLimits } from './admin-api-settings.js';

/** What is left to a caller after a call, in the headers that say so. */
export interface CallAllowance {
  readonly allowed: boolean;
  /** `ratelimit-*`, and `retry-after` where the call is refused. */
  readonly headers: Readonly<Record<string, string>>;
}

/** How often each caller may call: so many at once, and so many a second after that. Each process counts for itself. */
export class CallLimits {
  readonly #allowance: AddressAllowance;

  constructor(
    private readonly limits: Pick<AdminApiLimits, 'callsAtOnce' | 'callsPerSecond'>,
    now: () => number = () => performance.now(),
  ) {
    this.#allowance = new AddressAllowance({ burst: limits.callsAtOnce, perSecond: limits.callsPerSecond, now });
  }

  /** Takes one call of a principal. */
  take(principal: Principal): CallAllowance {
    const caller = nameOf(principal);
    const allowed = this.#allowance.take(caller);
    const { callsAtOnce, callsPerSecond } = this.limits;
    const left = this.#allowance.left(caller);
    const headers = {
      'ratelimit-limit': String(callsAtOnce),
      'ratelimit-remaining': String(Math.floor(left)),
      'ratelimit-reset': String(Math.ceil((callsAtOnce - left) / callsPerSecond)),
    };
    const retryAfter = String(this.#allowance.retryAfterSeconds);
    return { allowed, headers: allowed ? headers : { ...headers, 'retry-after': retryAfter } };
  }
}

function nameOf(principal: Principal): string {
  switch (principal.kind) {
    case 'operator':
      return 'operator';
    case 'api_key':
      return `api_key ${principal.apiKeyId}`;
    case 'person':
      return `person ${principal.personId}`;
    default:
      return unreachable(principal);
  }
}
