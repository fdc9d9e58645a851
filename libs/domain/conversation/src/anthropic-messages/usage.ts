import { readUsage, usageClasses, type TokenUsage } from '@tollgate/usage';
import type { JsonObject } from '../dialect-codec.js';
import { isObject } from '../fields.js';
import { usageOf } from '../usage-of.js';

/**
 * Usage as Anthropic writes it: what was read from a cache and written to one is beside `input_tokens`, not within.
 * Passes of other models are not shown: their tokens have other prices.
 */
export function writeUsage(usage: TokenUsage): JsonObject {
  const classes = usageClasses(usage);
  const { cacheWrite5mTokens, cacheWrite1hTokens } = classes;
  return {
    input_tokens: classes.textInputTokens + classes.audioInputTokens + classes.imageInputTokens,
    cache_creation_input_tokens: cacheWrite5mTokens + cacheWrite1hTokens,
    cache_read_input_tokens: classes.cachedTextTokens + classes.cachedAudioTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: cacheWrite5mTokens,
      ephemeral_1h_input_tokens: cacheWrite1hTokens,
    },
    output_tokens: usage.outputTokens,
    output_tokens_details: { thinking_tokens: classes.reasoningTokens },
  };
}

/**
 * What is shown while a provider has reported nothing: the input as it was counted. Clients keep `cache_creation` of
 * the beginning of a stream, so it is not told before it is known.
 */
export function unreportedUsage(inputTokens: number): JsonObject {
  const usage = { inputTokens, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
  return { ...writeUsage(usage), cache_creation: null };
}

/**
 * Usage in Anthropic's streams: reports are cumulative, each field by itself. A field that is absent or null keeps its
 * earlier value: platform.claude.com/docs/en/build-with-claude/streaming.
 */
export class StreamUsage {
  private readonly fields = Object.create(null) as Record<string, unknown>;

  /** The usage so far; null if nothing was reported. */
  take(reported: unknown): TokenUsage | null {
    if (!isObject(reported)) return null;
    for (const [name, value] of Object.entries(reported)) if (value !== null) this.fields[name] = value;
    return usageOf(readUsage(this.fields));
  }
}
