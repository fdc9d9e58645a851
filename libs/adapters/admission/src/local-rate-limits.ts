import { emptyOrganization, isGoverned, reserve, settle } from '@tollgate/credit';
import type { AdmissionDecision, OrganizationState, ReserveItem, SettleItem } from '@tollgate/credit';
import { monotonicUs } from './monotonic-us.js';

/** Capacity of the local rates, in keys; all are cleared when it is exceeded. */
const KEYS_MAX = 100_000;

/**
 * Decides while Redis is unreachable or has no memory left. Requests on credit are refused, and each gateway enforces
 * its share of the rate limits, limit ÷ known gateways. Keys with a limit of parallel requests are refused: without
 * Redis these cannot be counted across gateways.
 */
export class LocalRateLimits {
  gateways = 1;
  #state: OrganizationState = emptyOrganization();

  decide(item: ReserveItem, why: 'store_unreachable' | 'store_full' = 'store_unreachable'): AdmissionDecision {
    const { requestsPerMinute, tokensPerMinute, parallelRequests } = item.rateLimits;
    if (isGoverned(item) || parallelRequests !== null) return { kind: 'unavailable', why };
    if (this.#state.rates.size > KEYS_MAX) this.#state = emptyOrganization();
    const share = (limit: number | null): number | null =>
      limit === null ? null : Math.max(1, Math.floor(limit / this.gateways));
    return reserve(
      this.#state,
      {
        ...item,
        rateLimits: {
          requestsPerMinute: share(requestsPerMinute),
          tokensPerMinute: share(tokensPerMinute),
          parallelRequests: null,
        },
      },
      'local',
      monotonicUs(),
    );
  }

  /** Ends a request that was decided here and corrects the tokens that it took; false if it was not decided here. */
  settle(item: SettleItem): boolean {
    return this.#state.holds.size > 0 && settle(this.#state, item, monotonicUs());
  }
}
