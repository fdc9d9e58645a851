import type { AnswerPart } from '../answer.js';
import type { SealedThought, ThinkingPart } from '../conversation.js';
import { sentCallId } from './output-items.js';

/**
 * Stands between the id of a call and what only its provider can read of it and of its message. Clients of Responses
 * send back the id of a call as it is, in the call and in its result, whatever becomes of the items beside it: some
 * drop reasoning items, and the AI SDK refers to them by ids unless it is told otherwise.
 */
export const CALL_SEAL = '.tg1.';
const SEPARATOR = '.';

/** Whether a part is what only a compatible provider can read. It is kept in the id of the call that follows it. */
export function isOfCall(part: AnswerPart): part is ThinkingPart & { readonly sealed: SealedThought } {
  return part.kind === 'thinking' && part.sealed?.maker === 'compatible';
}

/** The id of a call with the seals before it. OpenAI takes no long ids: it is sent the one that `openCallId` finds. */
export function sealedCallId(id: string, seals: readonly SealedThought[]): string {
  const parts = seals.flatMap(({ kind, data }) => [kind, data]);
  return parts.length === 0 ? sentCallId(id) : sentCallId(id) + CALL_SEAL + parts.join(SEPARATOR);
}

/** The id of a call as its provider knows it, and what only the provider can read, as thoughts before the call. */
export function openCallId(callId: string): { readonly id: string; readonly thoughts: readonly ThinkingPart[] } {
  const at = callId.indexOf(CALL_SEAL);
  if (at === -1) return { id: callId, thoughts: [] };
  const parts = callId.slice(at + CALL_SEAL.length).split(SEPARATOR);
  const thoughts = parts.flatMap((kind, index): readonly ThinkingPart[] => {
    const data = parts[index + 1];
    if (index % 2 === 1 || data === undefined || (kind !== 'call' && kind !== 'message')) return [];
    return [{ kind: 'thinking', text: '', sealed: { maker: 'compatible', kind, data } }];
  });
  return { id: callId.slice(0, at), thoughts };
}
