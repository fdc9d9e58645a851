import type { TokenUsage } from '@tollgate/usage';
import type { JsonObject } from '../dialect-codec.js';

/** Usage as Responses writes it: what was read from a cache and written to it are slices of the input. */
export function writeUsage(usage: TokenUsage): JsonObject {
  const written = (usage.details?.cacheWrite5mTokens ?? 0) + (usage.details?.cacheWrite1hTokens ?? 0);
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: { cached_tokens: usage.cachedInputTokens, cache_write_tokens: written },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}
