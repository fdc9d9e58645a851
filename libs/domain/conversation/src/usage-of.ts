import type { TokenUsage, UsageReport } from '@tollgate/usage';

/** What a provider reports, as the usage of an answer: a side that it leaves out is 0. Null if it reports nothing. */
export function usageOf(report: UsageReport | null): TokenUsage | null {
  if (report === null) return null;
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, details } = report;
  return {
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    cachedInputTokens,
    reasoningTokens,
    ...(details === undefined ? {} : { details }),
  };
}
