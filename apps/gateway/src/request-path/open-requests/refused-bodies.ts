import type { Admission } from '@tollgate/admission';
import type { RateState, ReserveItem } from '@tollgate/credit';
import { ERRORS } from '@tollgate/errors';
import { declaredBytes, SMALL_BODY_BYTES } from '@tollgate/http';
import type { GatewayIdentity } from '../exchange/gateway-identity.js';
import { rateLimitHeaders, retryHeaders } from '../admit/rate-limit-headers.js';
import { isIdentified, type Exchange, type Identified } from '../exchange/exchange.js';
import { evictOldest } from '../exchange/evict-oldest.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

/** A key without a request left in its minute, as admission's last answer says. */
interface Spent {
  readonly rate: RateState;
  /** When it has a request again, in monotonic milliseconds. */
  readonly untilMs: number;
}

const WINDOW_MS = 60_000;

/** The most keys that are remembered; the oldest entry is dropped first. */
const KEYS_MAX = 10_000;

/**
 * Charges a refused request with a large body to its key, as one of its requests per minute, whatever the reason of the
 * refusal. Otherwise a key could make the gateway read and refuse bodies without end. While a key has no request left,
 * its large bodies are not even read.
 */
export class RefusedBodies {
  readonly #spent = new Map<string, Spent>();

  constructor(
    private readonly admission: Pick<Admission, 'reserve'>,
    private readonly gateway: GatewayIdentity,
  ) {}

  /** Refuses a large body before it is read, if the key is known to have no request left. */
  check(exchange: Identified): Refusal | undefined {
    if (this.#spent.size === 0) return undefined;
    const { apiKeyId, rateLimits } = exchange.key.snapshot;
    const spent = this.#spent.get(apiKeyId);
    if (spent === undefined || !mayBeLarge(exchange)) return undefined;
    const { rate, untilMs } = spent;
    const waitMs = Math.ceil(untilMs - performance.now());
    if (waitMs <= 0 || rate.requests?.limit !== rateLimits.requestsPerMinute) {
      this.#spent.delete(apiKeyId);
      return undefined;
    }
    return refuse('rate_limit_exceeded', {
      message: 'The limit on requests per minute of the API key is reached.',
      headers: [...retryHeaders(waitMs), ...rateLimitHeaders(rate, exchange.errors)],
    });
  }

  /** Charges a refused request to its key in the background. A refusal for a reason of ours (5xx) costs nothing. */
  charge(exchange: Exchange, { code }: Refusal): void {
    if (
      !isIdentified(exchange) ||
      exchange.admitted ||
      exchange.bodyBytes <= SMALL_BODY_BYTES ||
      ERRORS[code].status >= 500
    )
      return;
    const {
      apiKeyId,
      rateLimits: { requestsPerMinute },
    } = exchange.key.snapshot;
    if (requestsPerMinute === null) return;
    void this.admission.reserve(this.#oneRequest(exchange, requestsPerMinute)).then((decision) => {
      if (decision.kind === 'rate_limited') this.#remember(apiKeyId, decision.rate, decision.retryAfterMs);
      else if (decision.kind === 'admitted') this.#remember(apiKeyId, decision.rate, waitMs(decision.rate));
    });
  }

  /**
   * Takes from the rate only: without accounts, tokens and parallel requests there is no hold, and nothing to settle.
   */
  #oneRequest({ requestId, key }: Identified, requestsPerMinute: number): ReserveItem {
    const { organizationId, apiKeyId } = key.snapshot;
    const rateLimits = { requestsPerMinute, tokensPerMinute: null, parallelRequests: null };
    return {
      ...this.gateway,
      requestId,
      organizationId,
      apiKeyId,
      amountNanoUsd: 0n,
      accounts: [],
      rateLimits,
      tokens: 0,
    };
  }

  #remember(apiKeyId: string, rate: RateState, waitMs: number): void {
    if (waitMs <= 0) return;
    this.#spent.delete(apiKeyId);
    evictOldest(this.#spent, KEYS_MAX);
    this.#spent.set(apiKeyId, { rate, untilMs: performance.now() + waitMs });
  }
}

/** Milliseconds until the key has its next request; 0 if it has one left. */
function waitMs({ requests }: RateState): number {
  if (requests === null || requests.remaining > 0) return 0;
  return Math.ceil(requests.resetMs + WINDOW_MS / requests.limit - WINDOW_MS);
}

/** Whether a body may be large: a body of undeclared size may be. */
function mayBeLarge({ request }: Exchange): boolean {
  return (declaredBytes(request) ?? Infinity) > SMALL_BODY_BYTES;
}
