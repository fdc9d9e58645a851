import type { Answer, AnswerPart, FinishReason } from '../answer.js';
import type { JsonObject, ReplyContext } from '../dialect-codec.js';
import { writeUsage } from './usage.js';

/** Writes a plain reply: docs/inference.md. */
export function writeReply(answer: Answer, context: ReplyContext): JsonObject {
  const refusal = textOf(answer.parts, 'refusal');
  return {
    ...replyHead(answer, context),
    output: textOf(answer.parts, 'text'),
    ...(refusal === '' ? {} : { refusal }),
    finish_reason: finishReason(answer.finish.reason),
    usage: answer.usage === null ? null : writeUsage(answer.usage),
  };
}

/** What a plain reply and a stream begin with. The id is our own: one of a provider may open what it names. */
export function replyHead(
  { model, createdAt }: Pick<Answer, 'model' | 'createdAt'>,
  context: ReplyContext,
): JsonObject {
  return {
    id: `inf_${context.requestId}`,
    object: 'inference',
    created: createdAt ?? context.nowSeconds,
    model: model === '' ? context.model : model,
  };
}

/** A request of this endpoint has no tools, so that an answer cannot wait for one. */
export function finishReason(reason: FinishReason): string {
  return reason === 'tool_calls' ? 'stop' : reason;
}

function textOf(parts: readonly AnswerPart[], kind: 'text' | 'refusal'): string {
  return parts.flatMap((part) => (part.kind === kind ? [part.text] : [])).join('');
}
