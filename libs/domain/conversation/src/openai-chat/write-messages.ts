import type { AssistantPart, TextPart, ToolCallPart, ToolResult, Turn } from '../conversation.js';
import { wrapInput } from '../custom-tools.js';
import type { Fault, JsonObject, WriteContext } from '../dialect-codec.js';
import { isFault } from '../fault.js';
import { callIds, MISTRAL_CALL_IDS, OPENAI_CHAT_CALL_IDS, type ToolNames } from '../names.js';
import { mapOrFault } from '../map-or-fault.js';
import { openedFields, type OpenedFields } from './sealed-fields.js';
import { writeParts, writeTexts, type PartNames } from './write-content.js';

/** What messages are written with. */
export interface MessageNames {
  readonly names: ToolNames;
  /** Whether the provider takes custom tools; if not, functions stand for them. */
  readonly customTools: boolean;
  readonly context: WriteContext;
}

/** The messages of turns that are in order. */
export function writeMessages(turns: readonly Turn[], written: MessageNames): readonly JsonObject[] | Fault {
  const callId = callIds(turns, written.context.mistralsCallIds === true ? MISTRAL_CALL_IDS : OPENAI_CHAT_CALL_IDS);
  const parts: PartNames = { fieldOf: (feature) => written.context.fieldOf(feature) };
  const messages = mapOrFault(turns, (turn): readonly JsonObject[] | Fault => {
    switch (turn.role) {
      case 'system':
        // OpenAI takes `system` for `developer`; compatible servers know only the first.
        return [{ role: 'system', content: writeTexts(turn.parts) }];
      case 'user': {
        const content = writeParts(turn.parts, parts);
        return isFault(content) ? content : [{ role: 'user', content }];
      }
      case 'assistant':
        return [assistantMessage(turn.parts, callId, written)];
      case 'tool':
        return resultMessages(turn.results, callId, parts);
      default:
        return turn satisfies never;
    }
  });
  return isFault(messages) ? messages : messages.flat();
}

function assistantMessage(
  parts: readonly AssistantPart[],
  callId: (id: string) => string,
  written: MessageNames,
): JsonObject {
  const { context } = written;
  const texts = parts.filter((part) => part.kind === 'text');
  const calls = parts.filter((part) => part.kind === 'tool_call');
  const refusal = parts.flatMap((part) => (part.kind === 'refusal' ? [part.text] : [])).join('');
  const opened = openedFields(parts, context.seal);
  const thoughts = context.earlierThoughts === true ? unsealedThoughts(parts) : '';
  return {
    role: 'assistant',
    content: texts.length > 0 ? writeTexts(texts) : calls.length > 0 || refusal !== '' ? null : '',
    ...(refusal === '' ? {} : { refusal }),
    ...(thoughts === '' ? {} : { reasoning_content: thoughts }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => writeCall(call, callId, written, opened)) }),
    ...opened.ofMessage,
  };
}

/** What a model thought whose thoughts have no seal. Those with one are for the model that made them. */
function unsealedThoughts(parts: readonly AssistantPart[]): string {
  return parts.flatMap((part) => (part.kind === 'thinking' && part.sealed === null ? [part.text] : [])).join('');
}

function writeCall(
  call: ToolCallPart,
  callId: (id: string) => string,
  { names, customTools }: MessageNames,
  { ofCalls }: OpenedFields,
): JsonObject {
  const { name, input, custom } = call;
  const id = callId(call.id);
  if (custom && customTools) return { id, type: 'custom', custom: { name: names.sent(name), input } };
  const called = { name: names.sent(name), arguments: custom ? wrapInput(input) : input };
  return { id, type: 'function', function: called, ...ofCalls.get(call) };
}

/**
 * One message for each result, which can have nothing but text; then one message of the user with all images and files,
 * each after a line that names its call. Between the results they would be refused.
 */
function resultMessages(
  results: readonly ToolResult[],
  callId: (id: string) => string,
  names: PartNames,
): readonly JsonObject[] | Fault {
  const others = mapOrFault(results, (result) => {
    const parts = result.parts.filter((part) => !isText(part));
    if (parts.length === 0) return [];
    const text = `This belongs to the result of the tool call ${callId(result.callId)}:`;
    return writeParts([{ kind: 'text', text }, ...parts], names, 'list');
  });
  if (isFault(others)) return others;
  const attached = others.flat();
  return [
    ...results.map((result) => ({
      role: 'tool',
      tool_call_id: callId(result.callId),
      content: writeTexts(textsOf(result)),
    })),
    ...(attached.length === 0 ? [] : [{ role: 'user', content: attached }]),
  ];
}

/**
 * The texts of a result. That the tool failed, and that more follows, is said in words, for which chat has no field.
 */
function textsOf({ parts, isError }: ToolResult): readonly TextPart[] {
  const texts = parts.filter(isText);
  const more = parts.length > texts.length && texts.length === 0;
  const said: readonly TextPart[] = more ? [{ kind: 'text', text: 'The result follows in the next message.' }] : texts;
  if (!isError) return said;
  const [first, ...rest] = said;
  return [{ kind: 'text', text: `The tool failed: ${first?.text ?? 'it says no more.'}` }, ...rest];
}

function isText(part: ToolResult['parts'][number]): part is TextPart {
  return part.kind === 'text';
}
