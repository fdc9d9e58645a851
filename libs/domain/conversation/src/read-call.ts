import type { AnswerPart } from './answer.js';
import type { ToolCallPart } from './conversation.js';
import { unwrapInput } from './custom-tools.js';
import type { NameMap } from './dialect-codec.js';
import { isBlank } from './fields.js';

/**
 * A call of a plain reply, as `PartOrder` gives it in a stream: with the caller's name, the input of a custom tool as
 * text, and `{}` for a function without arguments. `made` is the id if the provider gives none.
 */
export function readCall(
  call: { readonly id: string; readonly name: string; readonly input: string; readonly custom: boolean },
  names: NameMap,
  made: string,
): ToolCallPart {
  const wrapped = !call.custom && names.isCustom(call.name);
  const input = wrapped ? unwrapInput(call.input) : !call.custom && isBlank(call.input) ? '{}' : call.input;
  return {
    kind: 'tool_call',
    id: call.id === '' ? made : call.id,
    name: names.original(call.name),
    input,
    custom: call.custom || wrapped,
  };
}

/** Whether a part of an answer is a call that nobody can run, since it names no tool. */
export function isNameless(part: AnswerPart): boolean {
  return part.kind === 'tool_call' && part.name === '';
}

/** An id for a call to which the provider gives none. */
export function madeCallId(answerId: string, call: number): string {
  return answerId === '' ? `call_${call}` : `call_${answerId}_${call}`;
}
