import type { Answer, AnswerPart } from '../answer.js';
import type { JsonObject, ReplyContext } from '../dialect-codec.js';
import type { SealedThought } from '../conversation.js';
import { isOfCall, sealedCallId } from './call-seals.js';
import { itemId, wholeInput, writeItem, type ItemDraft } from './output-items.js';
import { endOf, writeResponse } from './response-object.js';

/** Writes a plain reply. Texts and refusals that follow each other are one message. */
export function writeReply(answer: Answer, context: ReplyContext): JsonObject {
  const drafts = draftsOf(answer.parts);
  const has = (kind: AnswerPart['kind']): boolean => answer.parts.some((part) => part.kind === kind);
  const end = endOf(answer.finish, has('refusal') && !has('tool_call'));
  const output = drafts.map((draft, index) =>
    writeItem(draft, itemId(draft, context.requestId, index), index === drafts.length - 1 ? end.status : 'completed'),
  );
  const { model, createdAt, usage } = answer;
  return writeResponse({ model, createdAt, ...end, error: null, output, usage }, context);
}

function draftsOf(parts: readonly AnswerPart[]): readonly ItemDraft[] {
  const drafts: ItemDraft[] = [];
  let seals: SealedThought[] = [];
  for (const part of parts) {
    const last = drafts.at(-1);
    if (isOfCall(part)) seals.push(part.sealed);
    else if (part.kind === 'thinking') drafts.push({ kind: 'reasoning', text: part.text, sealed: part.sealed });
    else if (part.kind === 'tool_call') {
      drafts.push({ ...part, kind: 'call', callId: sealedCallId(part.id, seals), input: wholeInput(part) });
      seals = [];
    } else {
      const message = last?.kind === 'message' ? last : { kind: 'message' as const, content: [] };
      if (last !== message) drafts.push(message);
      const citations = part.kind === 'text' ? [...part.citations] : [];
      message.content.push({ kind: part.kind, text: part.text, citations });
    }
  }
  return drafts;
}
