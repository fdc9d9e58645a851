import type { SealedThought } from './conversation.js';

/**
 * Marks a seal that stands in a field of another maker's dialect. OpenAI's encrypted content and Anthropic's signatures
 * are base64, which has no dot, so that no seal of theirs begins like this. The gateway marks OpenAI's own encrypted
 * content by `tg1.` and 16 characters that name its origin. These 16 name none, so that what has them is left out of
 * a request that passes to OpenAI as it is.
 */
export const FOREIGN_SEAL = 'tg1.anothers_thought.';
const FOREIGN = /^tg1\.anothers_thought\.([a-z]+)\.([a-z]+)\.([A-Za-z0-9_-]*)\.(.*)$/s;
/** What each maker seals. */
const KINDS: ReadonlyMap<string, readonly string[]> = new Map<SealedThought['maker'], SealedThought['kind'][]>([
  ['anthropic', ['signature', 'redacted']],
  ['openai', ['encrypted']],
  ['compatible', ['call', 'called', 'message']],
]);

/**
 * A seal as a text, for the field in which the caller's dialect has seals of its own maker: a client sends it back
 * unchanged, and the model that made it can then go on with its thought.
 */
export function packSeal({ maker, kind, data, id }: SealedThought): string {
  const idPart = id === undefined ? '' : Buffer.from(id, 'utf8').toString('base64url');
  return `${FOREIGN_SEAL}${maker}.${kind}.${idPart}.${data}`;
}

/** Reads what `packSeal` wrote; null for any other text, which is then a seal of the dialect's own maker. */
export function unpackSeal(text: string): SealedThought | null {
  const [, maker, kind, id, data] = FOREIGN.exec(text) ?? [];
  if (maker === undefined || kind === undefined || data === undefined) return null;
  if (KINDS.get(maker)?.includes(kind) !== true) return null;
  return {
    maker: maker as SealedThought['maker'],
    kind: kind as SealedThought['kind'],
    data,
    ...(id === undefined || id === '' ? {} : { id: Buffer.from(id, 'base64url').toString('utf8') }),
  };
}
