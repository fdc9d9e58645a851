import type { SealedThought } from '../conversation.js';

/**
 * The beginning of each signature that is not Anthropic's. Claude refuses thoughts that another maker signed, so those
 * of other models carry a mark by which they are known when the client sends them back.
 */
const MARK = 'tollgate:';

/**
 * A signature for a thought of another model: the mark, then the seal of its maker, if there is one, so that it finds
 * its way back to that maker.
 */
export function markedSignature(sealed: SealedThought | null): string {
  if (sealed === null) return MARK;
  return `${MARK}${[sealed.maker, sealed.kind, encodeURIComponent(sealed.id ?? ''), sealed.data].join(':')}`;
}

/** The seal behind a signature that a client sends back; null for a thought that nobody has sealed. */
export function sealOf(signature: string): SealedThought | null {
  if (!signature.startsWith(MARK))
    return signature === '' ? null : { maker: 'anthropic', kind: 'signature', data: signature };
  const [maker, kind, id, ...data] = signature.slice(MARK.length).split(':');
  if (maker !== 'openai' || kind !== 'encrypted' || data.length === 0) return null;
  return { maker, kind, data: data.join(':'), ...idOf(id ?? '') };
}

function idOf(encoded: string): { readonly id?: string } {
  try {
    return encoded === '' ? {} : { id: decodeURIComponent(encoded) };
  } catch {
    return {};
  }
}
