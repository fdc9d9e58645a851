import type { TokenUsage } from '@tollgate/pricing';
import type { UsageReport } from './reported-usage.js';

/** Our own count of what was sent to the provider and what it delivered, in tokens. */
export interface Counted {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface JudgedUsage {
  readonly usage: TokenUsage;
  /** `provider` where both sides are the provider's own word; `counted` as soon as one of them is our count. */
  readonly usageSource: 'provider' | 'counted';
}

/**
 * The usage that is charged. A side that a report leaves out, or tells as zero beside something that was sent or
 * delivered, is our count: servers that do not measure send zeros. All else is the provider's word, also where our
 * count, which is an estimate, says otherwise.
 *
 * `early`: text was delivered after the last report came, or the stream broke off before its end. Then the report
 * may know less than we delivered, and output is the larger of the two.
 */
export function judgeUsage(report: UsageReport | null, counted: Counted, early: boolean): JudgedUsage {
  const inputIsTold = isTold(report?.inputTokens, counted.inputTokens);
  const reported = report?.outputTokens;
  const outputIsTold = isTold(reported, counted.outputTokens) && !(early && counted.outputTokens > (reported ?? 0));
  return {
    usage: {
      inputTokens: inputIsTold ? report!.inputTokens! : counted.inputTokens,
      outputTokens: outputIsTold ? reported! : counted.outputTokens,
      cachedInputTokens: inputIsTold ? report!.cachedInputTokens : 0,
      reasoningTokens: Math.min(report?.reasoningTokens ?? 0, outputIsTold ? reported! : counted.outputTokens),
    },
    usageSource: inputIsTold && outputIsTold ? 'provider' : 'counted',
  };
}

function isTold(reported: number | null | undefined, counted: number): boolean {
  return reported !== null && reported !== undefined && (reported > 0 || counted === 0);
}
