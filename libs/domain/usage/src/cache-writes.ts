import { capped, fieldsOf, tokens, type Fields } from './report-fields.js';
import type { InputApart, InputSide } from './usage-report.js';

/** Tokens that were written to a cache. */
export interface CacheWrites {
  readonly all: number;
  readonly for1h: number;
}

const NO_WRITES: CacheWrites = { all: 0, for1h: 0 };

/**
 * Input that was written to a cache. OpenAI and OpenRouter have it among the details of the input, Anthropic beside the
 * input and divided by how long it is kept. What is in neither of the two divisions is kept for five minutes, which is
 * the usual time.
 */
export function cacheWritesIn(fields: Fields): CacheWrites {
  const ofPrompt = fieldsOf(fields['prompt_tokens_details']);
  const ofInput = fieldsOf(fields['input_tokens_details']);
  const divided = fieldsOf(fields['cache_creation'] ?? ofPrompt['cache_creation']);
  const for5m = tokens(divided['ephemeral_5m_input_tokens']) ?? 0;
  const for1h = tokens(divided['ephemeral_1h_input_tokens']) ?? 0;
  const all = Math.max(
    tokens(ofPrompt['cache_write_tokens']) ?? 0,
    tokens(ofInput['cache_write_tokens']) ?? 0,
    tokens(fields['cache_creation_input_tokens']) ?? 0,
    tokens(ofPrompt['cache_creation_input_tokens']) ?? 0,
    tokens(ofPrompt['cache_creation_tokens']) ?? 0,
    for5m + for1h,
  );
  return all === 0 ? NO_WRITES : { all, for1h };
}

/** The fields of the input in Anthropic's form. */
export function inputApartIn(fields: Fields): InputApart {
  const divided = fieldsOf(fields['cache_creation']);
  return {
    plain: tokens(fields['input_tokens']),
    cacheRead: tokens(fields['cache_read_input_tokens']),
    cacheWrite: tokens(fields['cache_creation_input_tokens']),
    cacheWrite5m: tokens(divided['ephemeral_5m_input_tokens']),
    cacheWrite1h: tokens(divided['ephemeral_1h_input_tokens']),
    other: null,
  };
}

/** The input side that these fields add up to: none of them is part of another. */
export function apartSide(apart: InputApart): InputSide {
  const cached = apart.cacheRead ?? 0;
  const for1h = apart.cacheWrite1h ?? 0;
  const written = Math.max(apart.cacheWrite ?? 0, for1h + (apart.cacheWrite5m ?? 0));
  const tokens = capped((apart.plain ?? 0) + cached + written);
  const left = tokens - Math.min(cached, tokens);
  const cacheWrite1h = Math.min(for1h, left);
  return {
    tokens,
    cached: Math.min(cached, tokens),
    cachedAudio: 0,
    cacheWrite5m: Math.min(written - for1h, left - cacheWrite1h),
    cacheWrite1h,
    audio: 0,
    image: 0,
  };
}
