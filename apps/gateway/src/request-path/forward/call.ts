import type { UsageRecorded } from '@tollgate/contracts';
import type { TokenUsage } from '@tollgate/usage';
import type { Target } from '../choose-route/route-table.js';

/** The end of a request that reached a provider: what `settle` charges, and how the reply is completed afterwards. */
export interface CallOutcome {
  readonly target: Target;
  readonly outcome: Exclude<UsageRecorded['outcome'], 'orphaned'>;
  readonly usage: TokenUsage;
  readonly usageSource: UsageRecorded['usageSource'];
  /** Whether the client gets no part of an answer: nothing is charged then, whatever a provider reported. */
  readonly owesNothing?: true;
  /** What the client will be answered if it was sent nothing yet; undefined if it will be answered nothing. */
  readonly statusCode?: number;
  /** Sends the last bytes of the reply. It is called only when the usage is in the journal. */
  readonly finish: () => void;
}

/** What a call is charged for if it breaks off now. */
export type UsedSoFar = Pick<CallOutcome, 'target' | 'usage' | 'usageSource'>;

/** The usage of a call that delivered nothing. */
export const NO_USAGE: TokenUsage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
