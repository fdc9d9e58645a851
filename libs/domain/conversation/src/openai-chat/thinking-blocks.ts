import type { ThinkingPart } from '../conversation.js';
import type { JsonObject } from '../dialect-codec.js';
import { packSeal } from '../foreign-seal.js';

/**
 * A thought with its seal, as LiteLLM writes it: a client that sends it back with its next request lets the model go on
 * with it.
 */
export function thinkingBlock({ text, sealed }: Omit<ThinkingPart, 'kind'>): JsonObject {
  if (sealed === null) return { type: 'thinking', thinking: text };
  if (sealed.maker === 'anthropic' && sealed.kind === 'redacted')
    return { type: 'redacted_thinking', data: sealed.data };
  const isOwn = sealed.maker === 'anthropic' && sealed.kind === 'signature';
  return { type: 'thinking', thinking: text, signature: isOwn ? sealed.data : packSeal(sealed) };
}
