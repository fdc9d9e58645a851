import type { SealedThought } from '../conversation.js';
import { isObject } from '../fields.js';
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

/** Whether a block of a request is a thought of another maker, whose signature Claude would refuse. */
export function isForeignThought(block: unknown): boolean {
  if (!isObject(block) || block['type'] !== 'thinking') return false;
  const { signature } = block;
  return typeof signature === 'string' && signature.startsWith(FOREIGN_SEAL);
}
