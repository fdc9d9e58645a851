import type { TokenUsage, UsageDetails, UsageReport } from '@tollgate/usage';

/** Our own count of the tokens that were sent to the provider and delivered by it. */
export interface Counted {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The usage to charge, with its source. */
export interface JudgedUsage {
  readonly usage: TokenUsage;
  /** `provider` if both sides are the provider's report; `counted` if at least one is our count. */
  readonly usageSource: 'provider' | 'counted';
}

/**
 * Decides the usage that is charged. Our count replaces a side that the report leaves out, or gives as zero although
 * something was sent or delivered: servers that do not measure send zeros. Otherwise the report counts, even if it
 * differs from our count, which is an estimate.
 *
 * `early` says that text was delivered after the last report, or that the stream broke off. Then the report may miss
 * some of it, and the larger output counts.
 */
export function judgeUsage(report: UsageReport | null, counted: Counted, early: boolean): JudgedUsage {
  const input = believed(report?.inputTokens, counted.inputTokens);
  const reported = believed(report?.outputTokens, counted.outputTokens);
  const output = early && counted.outputTokens > (reported ?? 0) ? null : reported;
  const outputTokens = output ?? counted.outputTokens;
  const usage = {
    inputTokens: input ?? counted.inputTokens,
    outputTokens,
    cachedInputTokens: input === null ? 0 : (report?.cachedInputTokens ?? 0),
    reasoningTokens: Math.min(report?.reasoningTokens ?? 0, outputTokens),
  };
  const details = report?.details;
  return {
    usage: details === undefined ? usage : withDetails(usage, details, input === null),
    usageSource: input !== null && output !== null ? 'provider' : 'counted',
  };
}

/**
 * Adds what the report says besides its sides. Parts of an input that was not believed are left out. Passes
 * and calls of tools stay: our count knows nothing of them.
 */
function withDetails(usage: TokenUsage, details: UsageDetails, isInputCounted: boolean): TokenUsage {
  const kept: UsageDetails = isInputCounted
    ? {
        ...details,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: 0,
        audioInputTokens: 0,
        imageInputTokens: 0,
        cachedAudioInputTokens: 0,
      }
    : details;
  return { ...usage, details: kept };
}

/** The reported tokens of a side; null if our count replaces them. */
function believed(reported: number | null | undefined, counted: number): number | null {
  return reported !== null && reported !== undefined && (reported > 0 || counted === 0) ? reported : null;
}
