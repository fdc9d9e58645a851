import type { Answer, AnswerPart } from '../answer.js';
import { wrapInput } from '../custom-tools.js';
import type { JsonObject, ReplyContext } from '../dialect-codec.js';
import { isBlank, parseObject } from '../fields.js';
import { ANTHROPIC_CALL_IDS, fittingId } from '../names.js';
import { writeCitation } from './citations.js';
import { signatureOf } from './foreign-thoughts.js';
import { writeStopReason } from './stop-reasons.js';
import { unreportedUsage, writeUsage } from './usage.js';

/** Writes an answer as a message of Anthropic's. */
export function writeReply(answer: Answer, context: ReplyContext): JsonObject {
  return {
    ...messageHead(answer, context),
    content: answer.parts.flatMap(blockOf),
    ...writeStopReason(answer.finish, new Set(answer.parts.map(({ kind }) => kind))),
    usage: answer.usage === null ? unreportedUsage(context.inputTokensCounted ?? 0) : writeUsage(answer.usage),
  };
}

/** Ids of other makers stay within: some open what their account keeps. */
export function messageHead({ id, model }: Pick<Answer, 'id' | 'model'>, context: ReplyContext): JsonObject {
  return {
    id: id.startsWith('msg_') ? id : `msg_${context.requestId}`,
    type: 'message',
    role: 'assistant',
    model: model === '' ? context.model : model,
  };
}

/** Parts without content are no blocks. */
function blockOf(part: AnswerPart): readonly JsonObject[] {
  switch (part.kind) {
    case 'text': {
      const citations = part.citations.flatMap((citation) => writeCitation(citation) ?? []);
      if (part.text === '' && citations.length === 0) return [];
      return [{ type: 'text', text: part.text, ...(citations.length > 0 && { citations }) }];
    }
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }];
    case 'thinking':
      return thinkingBlock(part);
    case 'tool_call':
      return [callBlock(part.id, part.name, inputOf(part.custom ? wrapInput(part.input) : part.input))];
    default:
      return part satisfies never;
  }
}

function thinkingBlock({ text, sealed }: Extract<AnswerPart, { kind: 'thinking' }>): readonly JsonObject[] {
  if (text === '' && sealed === null) return [];
  if (sealed?.kind === 'redacted') return [redactedBlock(sealed.data)];
  return [{ type: 'thinking', thinking: text, signature: signatureOf(sealed) }];
}

export function redactedBlock(data: string): JsonObject {
  return { type: 'redacted_thinking', data };
}

export function callBlock(id: string, name: string, input: JsonObject): JsonObject {
  return { type: 'tool_use', id: fittingId(id, ANTHROPIC_CALL_IDS), name, input };
}

/** Arguments that are no object, as those of a call that was cut, stay visible: Anthropic has objects alone. */
function inputOf(args: string): JsonObject {
  return isBlank(args) ? {} : (parseObject(args) ?? { input: args });
}
