import { emptyOrganization, reserve, settle } from '../credit/index.js';
import type { AdmissionDecision, OrganizationState, ReserveItem, SettleItem } from '../credit/index.js';
import { monotonicUs } from './monotonic-us.js';

/** Capacity of the local rates, in keys; all are cleared when it is exceeded. */
const KEYS_MAX = 100_000;

/**
 * Decides while Redis is unreachable. Requests on credit are refused, and each gateway enforces its share of the rate
 * limits, limit ÷ known gateways. Keys with a limit of parallel requests are refused: without Redis these cannot be
 * counted across gateways.
 */
export class LocalRateLimits {
  gateways = 1;
  #state: OrganizationState = emptyOrganization();

  decide(item: ReserveItem): AdmissionDecision {
    const { requestsPerMinute, tokensPerMinute, parallelRequests } = item.rateLimits;
    if (item.accounts.length > 0 || parallelRequests !== null) return { kind: 'unavailable', why: 'store_unreachable' };
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
