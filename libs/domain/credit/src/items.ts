/** Rate limits of one key; null is unlimited. */
export interface RateLimitsItem {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly parallelRequests: number | null;
}

/** An account with a cap, as a request is charged to it. */
export interface CappedItem {
  readonly accountId: string;
  readonly capNanoUsd: bigint;
  /**
   * Set if the ledger must have loaded the account before anything is admitted on it: the version of the key, or of the
   * organisation, that set the limit. A load for a later version counts as well. Absent or 0 needs none.
   */
  readonly generation?: number;
  /**
   * The period of an account that belongs to one cycle of a limit, in milliseconds since 1970: from `startMs` to before
   * `endMs`, by the clock of admission. Absent for an account that is for good.
   */
  readonly cycle?: { readonly startMs: number; readonly endMs: number };
  /** A higher cap until a moment: the whole cap in nano-USD, and the first moment without it (ms since 1970). */
  readonly raise?: { readonly capNanoUsd: bigint; readonly untilMs: number };
}

/** Prepaid credit that a request may be charged to, in part. */
export interface GrantItem {
  readonly accountId: string;
  readonly capNanoUsd: bigint;
  /** The first moment at which nothing more is held on it, by the clock of admission; null never expires. */
  readonly endMs: number | null;
}

/** What a hold takes of one account. */
export interface HeldPart {
  readonly accountId: string;
  readonly amountNanoUsd: bigint;
}

/** A request to be admitted. */
export interface ReserveItem {
  readonly requestId: string;
  readonly organizationId: string;
  readonly apiKeyId: string;
  /** The gateway process that is responsible for the hold. */
  readonly instanceId: string;
  readonly journalId: string;
  /** Upper bound of the cost, nano-USD. */
  readonly amountNanoUsd: bigint;
  /** Accounts with a cap; all must have enough credit. Empty for a key without a cap. */
  readonly accounts: readonly CappedItem[];
  /**
   * Accounts of which one takes the whole amount: the first that has room for it. The quota of a subscription's cycle
   * stands before its pay-as-you-go. Absent for none.
   */
  readonly either?: readonly CappedItem[] | undefined;
  /**
   * Prepaid credit, which takes the amount in this order and in parts. Absent for an organisation that pays afterwards;
   * an empty list has no credit. What the first account of `either` takes is paid for already, and takes none of it.
   */
  readonly grants?: readonly GrantItem[] | undefined;
  readonly rateLimits: RateLimitsItem;
  /** The most tokens of input and output that are expected, for the tokens-per-minute limit; corrected at settle. */
  readonly tokens: number;
  /**
   * Set if the request names no ceiling of its output. Then it takes its input and the longest of the key's last
   * answers under the name `answersOf` (see `answersName`), if there are any, instead of `tokens`.
   */
  readonly openEnded?: { readonly inputTokens: number; readonly answersOf: string } | null;
}

/** The end of a request: `chargeNanoUsd` of its hold is posted (at most the hold; 0 only releases it). */
export interface SettleItem {
  readonly requestId: string;
  readonly organizationId: string;
  readonly chargeNanoUsd: bigint;
  /** The tokens that were used; if they are null (unknown), the estimate stays. */
  readonly tokens: number | null;
  /** The output tokens of a complete answer, to be remembered for the key; absent or null if there was none. */
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
  /** What it takes of grants, in the order in which they are charged. Absent for none. */
  readonly parts?: readonly HeldPart[];
  /** Whether it takes a place among the key's parallel requests. */
  readonly parallel: boolean;
  /** Tokens taken from the tokens-per-minute limit. */
  readonly tokens: number;
  /** The name for remembering the answer; absent if a ceiling is named, and in holds of an older release. */
  readonly answersOf?: string;
}

/** The state of a key's rate limits after a decision; null for a limit that the key does not have. */
export interface RateState {
  readonly requests: { readonly limit: number; readonly remaining: number; readonly resetMs: number } | null;
  readonly tokens: { readonly limit: number; readonly remaining: number; readonly resetMs: number } | null;
}

/** The decision about one request. */
export type AdmissionDecision =
  /**
   * `either` is the account that was chosen of those, and `parts` what is held on grants: absent where the request
   * names none. The event of the request must name them.
   */
  | {
      readonly kind: 'admitted';
      readonly rate: RateState;
      readonly either?: string;
      readonly parts?: readonly HeldPart[];
    }
  | {
      readonly kind: 'rate_limited';
      readonly limit: 'requests' | 'tokens' | 'parallel';
      readonly retryAfterMs: number;
      readonly rate: RateState;
    }
  /**
   * `availableNanoUsd` is the credit that the account has left. Of `either` the last one is named. Of grants the first
   * one is, with what all that have not expired have left; without any grant the account is `GRANTS`.
   */
  | { readonly kind: 'credit_exhausted'; readonly accountId: string; readonly availableNanoUsd: bigint }
  /**
   * `no_epoch`: usage-billing has to open an epoch. `announcing`: gateways have yet to announce under the new one.
   * `store_full`: the store has no memory left for a further hold.
   */
  | {
      readonly kind: 'unavailable';
      readonly why: 'no_epoch' | 'announcing' | 'store_unreachable' | 'store_full' | 'no_lease';
    }
  /** An account is not of the present cycle: `nowMs` is the time of admission, in milliseconds since 1970. */
  | { readonly kind: 'unavailable'; readonly why: 'other_cycle'; readonly nowMs: number }
  /** The ledger has yet to load the account (`UsageBillingApi.loadAccount`). */
  | { readonly kind: 'unavailable'; readonly why: 'not_loaded'; readonly accountId: string };

/** What the ledger tells of an account, besides what it settles. */
export interface LoadItem {
  readonly accountId: string;
  /**
   * All that was ever charged to the account without a hold on it, in nano-USD: the sum with which it was loaded, and
   * calls that began before its limit. It never falls.
   */
  readonly unheldNanoUsd: bigint;
  /** The version of the key or organisation for which the account is loaded; 0 if only the sum is told. */
  readonly generation: number;
}

/** Stands for the account of a refusal where an organisation that must pay beforehand was given no credit at all. */
export const GRANTS = 'grants';

/** What refused a call for want of credit. Amounts in nano-USD. */
export interface RefusalMark {
  /** The account; `GRANTS` for the prepaid credit of the organisation, whatever grants it has. */
  readonly accountId: string;
  /**
   * Under which terms it refused: its cap, or the grants that were there. An account is marked once for its terms, so a
   * raise or a new grant lets it be marked again.
   */
  readonly terms: string;
  /** The cap that held; null for `GRANTS`. */
  readonly capNanoUsd: bigint | null;
  /** The most that the call could have cost. */
  readonly askedNanoUsd: bigint;
  /** What was left; null where another account of the same call was looked at last. */
  readonly leftNanoUsd: bigint | null;
}

/** A mark as it was made, by the clock of admission (milliseconds since 1970). */
export interface CreditRefusal extends RefusalMark {
  readonly refusedAtMs: number;
}
