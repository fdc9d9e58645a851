import type { Conversation } from './conversation.js';
import type { Feature, WriteContext } from './dialect-codec.js';

/** The tiers that ask for nothing but what is usual. */
const USUAL_TIERS: ReadonlySet<string | null> = new Set(['auto', 'default']);

/**
 * The conversation without the settings that only OpenAI knows, for servers that are not OpenAI: Gemini, Groq,
 * Cerebras, Mistral and NVIDIA refuse them as unknown fields. None of them changes what the model is told. Each that
 * was set is noted under the caller's name for it.
 */
export function withoutHints(
  conversation: Conversation,
  { hints, fieldOf }: WriteContext,
  leftOut: Set<string>,
): Conversation {
  if (hints === true) return conversation;
  const { promptCacheKey, user, metadata, verbosity, serviceTier } = conversation;
  const isUsual = USUAL_TIERS.has(serviceTier);
  const set: readonly (readonly [Feature, boolean])[] = [
    ['prompt_cache_key', promptCacheKey !== null],
    ['user', user !== null],
    ['metadata', metadata !== null],
    ['verbosity', verbosity !== null],
    ['service_tier', isUsual],
  ];
  for (const [feature, isSet] of set) if (isSet) leftOut.add(fieldOf(feature));
  return {
    ...conversation,
    promptCacheKey: null,
    user: null,
    metadata: null,
    verbosity: null,
    serviceTier: isUsual ? null : serviceTier,
  };
}
