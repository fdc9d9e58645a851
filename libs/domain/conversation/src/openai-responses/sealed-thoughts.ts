import type { SealedThought } from '../conversation.js';
import type { ProviderSeal } from '../dialect-codec.js';

/**
 * A thought of OpenAI's for the client: only the account and the model that encrypted it can read it, so it is sealed
 * for them. Another target would refuse the whole request.
 */
export function sealedFor(seal: ProviderSeal | undefined, thought: SealedThought | null): SealedThought | null {
  if (seal === undefined || thought?.maker !== 'openai') return thought;
  return { ...thought, data: seal.seal(thought.data) };
}

/** The encrypted content of a thought for the target that made it; null for any other target. */
export function openedBy(seal: ProviderSeal | undefined, thought: SealedThought | null): string | null {
  if (thought?.maker !== 'openai') return null;
  return seal === undefined ? thought.data : seal.open(thought.data);
}
