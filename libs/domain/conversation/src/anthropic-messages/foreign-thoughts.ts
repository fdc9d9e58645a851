import type { SealedThought } from '../conversation.js';
import type { JsonObject } from '../dialect-codec.js';
import { isObject, itemsOf } from '../fields.js';
import { FOREIGN_SEAL, packSeal, unpackSeal } from '../foreign-seal.js';

/**
 * The signature of a thought that nobody has sealed, as those of most other models. Claude refuses each signature but
 * its own, so thoughts of others are known by it when the client sends them back.
 */
const UNSEALED = `${FOREIGN_SEAL}unsealed`;

/** The signature of a thought: Anthropic's own, or one that marks the thought of another maker and keeps its seal. */
export function signatureOf(sealed: SealedThought | null): string {
  if (sealed === null) return UNSEALED;
  return sealed.maker === 'anthropic' && sealed.kind === 'signature' ? sealed.data : packSeal(sealed);
}

/** The seal behind a signature that a client sends back; null for a thought that nobody has sealed. */
export function sealOf(signature: string): SealedThought | null {
  if (signature === '' || signature === UNSEALED) return null;
  return unpackSeal(signature) ?? { maker: 'anthropic', kind: 'signature', data: signature };
}

/**
 * A request for Claude as its caller wrote it, but for the thoughts of other makers, whose signatures Claude would
 * refuse: a client that changes models in the middle of a conversation sends them back to all. A message of nothing but
 * such thoughts is left out.
 */
export function withoutForeignThoughts(request: JsonObject): JsonObject {
  const messages = itemsOf(request['messages']).flatMap((message) => {
    if (!isObject(message) || !Array.isArray(message['content'])) return [message];
    const content = (message['content'] as readonly unknown[]).filter((block) => !isForeign(block));
    return content.length === 0 ? [] : [{ ...message, content }];
  });
  return { ...request, messages };
}

function isForeign(block: unknown): boolean {
  if (!isObject(block) || block['type'] !== 'thinking') return false;
  const { signature } = block;
  return typeof signature === 'string' && signature.startsWith(FOREIGN_SEAL);
}
