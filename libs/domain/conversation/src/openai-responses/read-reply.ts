import { reportIn } from '@tollgate/usage';
import type { Answer, AnswerPart } from '../answer.js';
import type { JsonObject, NameMap } from '../dialect-codec.js';
import { isObject, itemsOf, numberOf, textOf } from '../fields.js';
import { finishOf } from '../finish.js';
import { isNameless, madeCallId, readCall } from '../read-call.js';
import { usageOf } from '../usage-of.js';
import { nameOf } from './namespaces.js';
import { sealOf, thoughtOf } from './read-items.js';
import { sealedFor } from './sealed-thoughts.js';
import { readAnnotation, readEnd } from './read-output.js';

const WHOLE: ReadonlySet<unknown> = new Set([undefined, 'completed', 'incomplete']);

/**
 * Reads a plain reply. One that failed or goes on, or calls a tool without a name, is no answer. Calls of OpenAI's own
 * tools are no parts of it.
 */
export function readReply(document: JsonObject, names: NameMap): Answer | null {
  const { output, status } = document;
  if (!Array.isArray(output) || !WHOLE.has(status)) return null;
  const id = textOf(document['id']) ?? '';
  const parts = readOutput(output, id, names);
  if (parts.some(isNameless)) return null;
  const has = (kind: AnswerPart['kind']): boolean => parts.some((part) => part.kind === kind);
  return {
    id,
    model: textOf(document['model']) ?? '',
    createdAt: numberOf(document['created_at']),
    parts,
    finish: finishOf(readEnd(document, has('refusal') && !has('tool_call')), has('tool_call')),
    usage: usageOf(reportIn(document)),
  };
}

function readOutput(output: readonly unknown[], id: string, names: NameMap): readonly AnswerPart[] {
  let calls = 0;
  return output.filter(isObject).flatMap((item): readonly AnswerPart[] => {
    if (item['type'] === 'message') return itemsOf(item['content']).filter(isObject).flatMap(readContent);
    if (item['type'] === 'reasoning') return readThought(item, names);
    return isCall(item) ? [readCall(callOf(item), names, madeCallId(id, calls++))] : [];
  });
}

/** A part of a message. One without text says nothing. */
function readContent(part: JsonObject): readonly AnswerPart[] {
  const refusal = textOf(part['refusal']);
  if (part['type'] === 'refusal') return refusal === null ? [] : [{ kind: 'refusal', text: refusal }];
  const text = textOf(part['text']);
  if (part['type'] !== 'output_text' || text === null) return [];
  return [{ kind: 'text', text, citations: itemsOf(part['annotations']).filter(isObject).map(readAnnotation) }];
}

function readThought(item: JsonObject, { seal }: NameMap): readonly AnswerPart[] {
  const text = thoughtOf(item);
  const sealed = sealedFor(seal, sealOf(item));
  return text === '' && sealed === null ? [] : [{ kind: 'thinking', text, sealed }];
}

/** Whether an item is a call of a tool that the caller runs. */
export function isCall(item: JsonObject): boolean {
  return item['type'] === 'function_call' || item['type'] === 'custom_tool_call';
}

/** A call as the provider writes it: its id, the name that it was sent, and its input. */
export function callOf(item: JsonObject): { id: string; name: string; input: string; custom: boolean } {
  const custom = item['type'] === 'custom_tool_call';
  const input = custom ? item['input'] : item['arguments'];
  return {
    id: textOf(item['call_id']) ?? '',
    name: nameOf(item),
    input: typeof input === 'string' ? input : '',
    custom,
  };
}
