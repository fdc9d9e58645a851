import type { UsageRecordedV1 } from '@tollgate/contracts';
import type { TokenUsage } from '@tollgate/pricing';
import type { Target } from '../choose-route/route-table.js';

/** How a request that reached a provider ended: what settle charges, and how the reply ends after that. */
export interface CallOutcome {
  readonly target: Target;
  readonly outcome: Exclude<UsageRecordedV1['outcome'], 'orphaned'>;
  readonly usage: TokenUsage;
  readonly usageSource: UsageRecordedV1['usageSource'];
  /** Sends the last bytes of the reply: only when the usage is in the journal. */
  readonly finish: () => void;
}

export const NO_USAGE: TokenUsage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
