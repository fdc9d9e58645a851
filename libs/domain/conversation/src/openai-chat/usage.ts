import type { TokenUsage } from '@tollgate/usage';
import type { JsonObject } from '../dialect-codec.js';

/**
 * Usage as chat writes it: the sides are totals, with what was read from a cache and written to one as slices of the
 * input: platform.openai.com/docs/guides/prompt-caching.
 */
export function writeUsage({
  inputTokens,
  outputTokens,
  cachedInputTokens,
  reasoningTokens,
  details,
}: TokenUsage): JsonObject {
  const written = (details?.cacheWrite5mTokens ?? 0) + (details?.cacheWrite1hTokens ?? 0);
  const heard = (details?.audioInputTokens ?? 0) + (details?.cachedAudioInputTokens ?? 0);
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens, cache_write_tokens: written, audio_tokens: heard },
    completion_tokens_details: { reasoning_tokens: reasoningTokens, audio_tokens: details?.audioOutputTokens ?? 0 },
  };
}
