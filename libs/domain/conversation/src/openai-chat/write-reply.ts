import type { Answer, AnswerPart, AnswerText } from '../answer.js';
import type { ToolCallPart } from '../conversation.js';
import type { JsonObject, ReplyContext } from '../dialect-codec.js';
import { finishOf } from '../finish.js';
import { writeCitations } from './citations.js';
import { thinkingBlock } from './thinking-blocks.js';
import { writeUsage } from './usage.js';

/** Writes a plain reply. */
export function writeReply(answer: Answer, context: ReplyContext): JsonObject {
  const hasCalls = answer.parts.some(({ kind }) => kind === 'tool_call');
  return {
    ...replyHead('chat.completion', answer, context),
    choices: [
      {
        index: 0,
        message: writeMessage(answer.parts),
        logprobs: null,
        finish_reason: finishOf(answer.finish, hasCalls).reason,
      },
    ],
    ...(answer.usage === null ? {} : { usage: writeUsage(answer.usage) }),
    ...tierOf(answer),
  };
}

/** The first fields of a reply and of each chunk. An id of another dialect is not shown: it may open what it names. */
export function replyHead(
  object: 'chat.completion' | 'chat.completion.chunk',
  { id, model, createdAt }: Pick<Answer, 'id' | 'model' | 'createdAt'>,
  context: ReplyContext,
): JsonObject {
  return {
    id: id.startsWith(ID_PREFIX) ? id : `${ID_PREFIX}${context.requestId}`,
    object,
    created: createdAt ?? context.nowSeconds,
    model: model === '' ? context.model : model,
  };
}

const ID_PREFIX = 'chatcmpl-';

function tierOf({ usage }: Answer): JsonObject {
  const tier = usage?.details?.serviceTier ?? null;
  return tier === null ? {} : { service_tier: tier };
}

function writeMessage(parts: readonly AnswerPart[]): JsonObject {
  const texts = parts.filter((part) => part.kind === 'text');
  const calls = parts.filter((part) => part.kind === 'tool_call');
  const refusal = joined(parts, 'refusal');
  const annotations = annotationsOf(texts);
  return {
    role: 'assistant',
    content: texts.length === 0 && (calls.length > 0 || refusal !== '') ? null : joined(parts, 'text'),
    refusal: refusal === '' ? null : refusal,
    ...thoughtsOf(parts),
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(writeCall) }),
  };
}

function joined(parts: readonly AnswerPart[], kind: 'text' | 'refusal' | 'thinking'): string {
  return parts.flatMap((part) => (part.kind === kind ? [part.text] : [])).join('');
}

function thoughtsOf(parts: readonly AnswerPart[]): JsonObject {
  const text = joined(parts, 'thinking');
  const thoughts = parts.filter((part) => part.kind === 'thinking');
  const isSealed = thoughts.some(({ sealed }) => sealed !== null);
  return {
    ...(text === '' ? {} : { reasoning_content: text }),
    ...(isSealed ? { thinking_blocks: thoughts.map(thinkingBlock) } : {}),
  };
}

function annotationsOf(texts: readonly AnswerText[]): readonly JsonObject[] {
  let offset = 0;
  return texts.flatMap(({ text, citations }) => {
    const begins = offset;
    offset += text.length;
    return writeCitations(citations, begins, offset);
  });
}

function writeCall({ id, name, input, custom }: ToolCallPart): JsonObject {
  return custom
    ? { id, type: 'custom', custom: { name, input } }
    : { id, type: 'function', function: { name, arguments: input } };
}
