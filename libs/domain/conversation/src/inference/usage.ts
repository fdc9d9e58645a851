import type { TokenUsage } from '@tollgate/usage';
import type { JsonObject } from '../dialect-codec.js';

/** Usage as this endpoint writes it: two totals, and slices of them. */
export function writeUsage(usage: TokenUsage): JsonObject {
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, details } = usage;
  return {
    input_tokens: inputTokens,
    cached_input_tokens: cachedInputTokens,
    cache_write_tokens: (details?.cacheWrite5mTokens ?? 0) + (details?.cacheWrite1hTokens ?? 0),
    output_tokens: outputTokens,
    reasoning_tokens: reasoningTokens,
    total_tokens: inputTokens + outputTokens,
  };
}
