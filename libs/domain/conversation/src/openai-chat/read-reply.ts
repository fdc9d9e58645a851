import type { Answer, AnswerPart } from '../answer.js';
import type { JsonObject, NameMap } from '../dialect-codec.js';
import { writeJson } from '../exact-json.js';
import { isFailure, isWholeInput } from '../failures.js';
import { fieldsOf, isObject, itemsOf, numberOf, textOf } from '../fields.js';
import { finishOf } from '../finish.js';
import { madeCallId, readCall } from '../read-call.js';
import { usageOf } from '../usage-of.js';
import { reportIn } from '@tollgate/usage';
import { readCitations } from './citations.js';
import { readFinish, wasCut } from './finish-reasons.js';
import { readThoughts } from './read-thoughts.js';
import { callFields, MessageFields, thoughtOf } from './sealed-fields.js';

/**
 * Reads a plain reply. Null if it has no choice with a message, or says that the provider failed. One with a call that
 * has no name, or that ended in the middle of a call for no known reason, failed too.
 */
export function readReply(document: JsonObject, names: NameMap): Answer | null {
  const choice = fieldsOf(itemsOf(document['choices'])[0]);
  const message = choice['message'];
  if (!isObject(message) || isFailure(choice['finish_reason'])) return null;
  const id = textOf(document['id']) ?? '';
  const told = readFinish(choice['finish_reason']);
  const written = writtenCalls(message);
  const named = written.filter(({ name }) => name !== '');
  if (named.length < written.length && !wasCut(told)) return null;
  if (told?.isKnown !== true && !named.every(isWholeInput)) return null;
  const calls = readCalls(named, names, id);
  const fields = new MessageFields();
  fields.take(message);
  const sealed = thoughtOf(fields.next(), 'message', names.seal);
  return {
    id,
    model: textOf(document['model']) ?? '',
    createdAt: numberOf(document['created']),
    parts: [...readThoughts(message), ...readTexts(message), ...sealed, ...calls],
    finish: finishOf({ reason: told?.reason ?? 'stop', stopSequence: null }, calls.length > 0),
    usage: usageOf(reportIn(document)),
  };
}

/** Text and refusal. The citations of an answer tell places in the whole of its text. */
function readTexts(message: JsonObject): readonly AnswerPart[] {
  const pieces = contentPieces(message['content']);
  const text = pieces.flatMap((piece) => (piece.kind === 'text' ? [piece.text] : [])).join('');
  const refused = pieces.flatMap((piece) => (piece.kind === 'refusal' ? [piece.text] : [])).join('');
  const refusal = refused + (textOf(message['refusal']) ?? '');
  const thought = pieces.flatMap((piece) => (piece.kind === 'thinking' ? [piece.text] : [])).join('');
  const citations = readCitations(message['annotations']);
  return [
    ...(thought === '' ? [] : [{ kind: 'thinking' as const, text: thought, sealed: null }]),
    ...(text === '' ? [] : [{ kind: 'text' as const, text, citations }]),
    ...(refusal === '' ? [] : [{ kind: 'refusal' as const, text: refusal }]),
  ];
}

/** A piece of content, by what it is. */
export interface ContentPiece {
  readonly kind: 'text' | 'refusal' | 'thinking';
  readonly text: string;
}

/**
 * The pieces of `content`: a string, or a list of texts, refusals and thoughts (Mistral's `thinking`, a list of texts).
 */
export function contentPieces(content: unknown): readonly ContentPiece[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind: 'text', text: content }];
  return itemsOf(content).flatMap((item): readonly ContentPiece[] => {
    const { type, text, refusal, thinking } = fieldsOf(item);
    if (type === 'refusal') return typeof refusal === 'string' ? [{ kind: 'refusal', text: refusal }] : [];
    if (type === 'thinking')
      return typeof thinking === 'string'
        ? [{ kind: 'thinking', text: thinking }]
        : itemsOf(thinking).flatMap((each) => thoughtPiece(fieldsOf(each)['text']));
    return typeof text === 'string' ? [{ kind: 'text', text }] : [];
  });
}

function thoughtPiece(text: unknown): readonly ContentPiece[] {
  return typeof text === 'string' ? [{ kind: 'thinking', text }] : [];
}

/** A call as a message or a delta has it. */
export interface WrittenCall {
  readonly id: string;
  readonly name: string;
  readonly input: string;
  readonly custom: boolean;
  /** The fields that only its provider can read, as JSON; null for none. */
  readonly sealed: string | null;
}

/** A call, or a piece of one: arguments may be a string, an object (as in Ollama's own form), or missing. */
export function writtenCall(value: unknown): WrittenCall {
  const call = fieldsOf(value);
  const custom = isObject(call['custom']);
  const called = fieldsOf(call[custom ? 'custom' : 'function']);
  const input = called[custom ? 'input' : 'arguments'];
  return {
    id: textOf(call['id']) ?? '',
    name: textOf(called['name']) ?? '',
    input: isObject(input) ? writeJson(input) : (textOf(input) ?? ''),
    custom,
    sealed: callFields(call),
  };
}

function writtenCalls(message: JsonObject): readonly WrittenCall[] {
  const calls = itemsOf(message['tool_calls']).map(writtenCall);
  // What tools replaced in 2023; some servers still answer so.
  const legacy = isObject(message['function_call']) ? [writtenCall({ function: message['function_call'] })] : [];
  return [...calls, ...legacy];
}

function readCalls(calls: readonly WrittenCall[], names: NameMap, id: string): readonly AnswerPart[] {
  return calls.flatMap((call, at) => [
    ...thoughtOf(call.sealed, 'call', names.seal),
    readCall(call, names, madeCallId(id, at)),
  ]);
}
