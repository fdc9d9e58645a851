import { readUsage } from '@tollgate/usage';
import type { Answer, AnswerPart } from '../answer.js';
import type { JsonObject, NameMap } from '../dialect-codec.js';
import { writeJson } from '../exact-json.js';
import { isFailure } from '../failures.js';
import { isObject, textOf } from '../fields.js';
import { finishOf } from '../finish.js';
import { isNameless, madeCallId, readCall } from '../read-call.js';
import { usageOf } from '../usage-of.js';
import { readCitations } from './citations.js';
import { sealOf } from './foreign-thoughts.js';
import { isPause, readExplanation, readStopReason } from './stop-reasons.js';

/**
 * Reads a message of Claude. Null for any other document, for one that paused before its answer was whole, and for one
 * that failed.
 */
export function readReply(document: JsonObject, names: NameMap): Answer | null {
  const { content, stop_reason: stopReason } = document;
  if (document['type'] !== 'message' || !Array.isArray(content)) return null;
  if (isPause(stopReason) || isFailure(stopReason)) return null;
  const id = textOf(document['id']) ?? '';
  const parts = partsOf(content, id, names);
  if (parts.some(isNameless)) return null;
  const explanation = readExplanation(document['stop_details']);
  const told = readStopReason(textOf(stopReason) ?? '', document['stop_sequence']);
  return {
    id,
    model: textOf(document['model']) ?? '',
    createdAt: null,
    parts: explanation === null ? parts : [...parts, { kind: 'refusal', text: explanation }],
    finish: finishOf(
      told,
      parts.some(({ kind }) => kind === 'tool_call'),
    ),
    usage: usageOf(readUsage(document['usage'])),
  };
}

function partsOf(content: readonly unknown[], answerId: string, names: NameMap): readonly AnswerPart[] {
  let calls = 0;
  return content.flatMap((block): readonly AnswerPart[] => {
    if (!isObject(block)) return [];
    switch (block['type']) {
      case 'text':
        return readText(block);
      case 'thinking':
        return readThinking(block);
      case 'redacted_thinking':
        return [{ kind: 'thinking', text: '', sealed: redacted(textOf(block['data']) ?? '') }];
      case 'tool_use':
        return [readCall(callOf(block), names, madeCallId(answerId, calls++))];
      // What the provider's own tools did is in its words.
      default:
        return [];
    }
  });
}

function readText(block: JsonObject): readonly AnswerPart[] {
  const text = textOf(block['text']) ?? '';
  const citations = readCitations(block['citations']);
  return text === '' && citations.length === 0 ? [] : [{ kind: 'text', text, citations }];
}

function readThinking(block: JsonObject): readonly AnswerPart[] {
  const text = textOf(block['thinking']) ?? '';
  const sealed = sealOf(textOf(block['signature']) ?? '');
  return text === '' && sealed === null ? [] : [{ kind: 'thinking', text, sealed }];
}

/** Data of a thought that Anthropic does not show. */
export function redacted(data: string): {
  readonly maker: 'anthropic';
  readonly kind: 'redacted';
  readonly data: string;
} {
  return { maker: 'anthropic', kind: 'redacted', data };
}

function callOf({ id, name, input }: JsonObject): Parameters<typeof readCall>[0] {
  return { id: textOf(id) ?? '', name: textOf(name) ?? '', input: writeJson(input ?? {}), custom: false };
}
