/** Rate limits of one key; null is unlimited. */
export interface RateLimitsItem {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly parallelRequests: number | null;
}

/** One request asks to be let in. */
export interface ReserveItem {
  readonly requestId: string;
  readonly organizationId: string;
  readonly apiKeyId: string;
  /** The gateway process that answers for the hold. */
  readonly instanceId: string;
  readonly journalId: string;
  /** Upper bound of the cost, nano-USD. */
  readonly amountNanoUsd: bigint;
  /** Accounts with a cap; all must have room. Empty for an uncapped key. */
  readonly accounts: readonly { readonly accountId: string; readonly capNanoUsd: bigint }[];
  readonly rateLimits: RateLimitsItem;
  /** The most tokens of input and output that are expected, for the tokens-per-minute limit; corrected at settle. */
  readonly tokens: number;
  /**
   * Where the request names no ceiling of its output: then it takes its input and the largest of the key's last answers
   * under the name `answersOf` (see `answersName`), as soon as there are any, instead of `tokens`.
   */
  readonly openEnded?: { readonly inputTokens: number; readonly answersOf: string } | null;
}

/** One request has ended: its hold becomes `chargeNanoUsd` of posted (at most the hold; 0 releases it). */
export interface SettleItem {
  readonly requestId: string;
  readonly organizationId: string;
  readonly chargeNanoUsd: bigint;
  /** Tokens actually used; null where they are unknown, and the estimate stands. */
  readonly tokens: number | null;
  /** Output tokens of a whole answer, for the memory of the key's last answers; absent or null where there was none. */
  readonly answerTokens?: number | null;
}

/** A hold that no settle has ended yet. */
export interface OpenHold {
  readonly requestId: string;
  readonly apiKeyId: string;
  readonly instanceId: string;
  readonly journalId: string;
  readonly amountNanoUsd: bigint;
  readonly accountIds: readonly string[];
  /** Whether it takes one of the key's parallel requests. */
  readonly parallel: boolean;
  /** Tokens taken from the tokens-per-minute limit. */
  readonly tokens: number;
  /** Under what the answer will be remembered; absent where a ceiling is named, and on holds of an older release. */
  readonly answersOf?: string;
}

/** What is left of a key's rate limits after a decision; null where there is no such limit. */
export interface RateState {
  readonly requests: { readonly limit: number; readonly remaining: number; readonly resetMs: number } | null;
  readonly tokens: { readonly limit: number; readonly remaining: number; readonly resetMs: number } | null;
}

export type AdmissionDecision =
  | { readonly kind: 'admitted'; readonly rate: RateState }
  | {
      readonly kind: 'rate_limited';
      readonly limit: 'requests' | 'tokens' | 'parallel';
      readonly retryAfterMs: number;
      readonly rate: RateState;
    }
  /** `availableNanoUsd`: what the account has room for. */
  | { readonly kind: 'credit_exhausted'; readonly accountId: string; readonly availableNanoUsd: bigint }
  /** No epoch is open, or gateways have yet to announce: `why` says whether usage-billing must be asked. */
  | { readonly kind: 'unavailable'; readonly why: 'no_epoch' | 'announcing' | 'store_unreachable' | 'no_lease' };
