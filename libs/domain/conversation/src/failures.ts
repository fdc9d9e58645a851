import { unnamedError } from './errors/read-error.js';
import { isBlank, parseObject } from './fields.js';

/**
 * What servers give as the reason of an answer's end if they failed: OpenRouter, Cohere and Fireworks `error`, DeepSeek
 * `insufficient_system_resource`, vLLM and SGLang `abort`, Cohere `timeout`, and Gemini those of its `FinishReason`
 * that tell of a call which is none.
 */
const FAILURES: ReadonlySet<string> = new Set([
  ...['error', 'insufficient_system_resource', 'abort', 'aborted', 'timeout'],
  ...['malformed_function_call', 'malformed_response', 'unexpected_tool_call', 'too_many_tool_calls'],
  'missing_thought_signature',
]);

/**
 * A reason in lower case, without the name of what decided on it: Gemini's `function_call_filter:
 * MALFORMED_FUNCTION_CALL`.
 */
export function reasonWord(reason: string): string {
  return reason
    .slice(reason.lastIndexOf(':') + 1)
    .trim()
    .toLowerCase();
}

/** Whether the reason of an answer's end says that the provider failed, so that the answer is not whole. */
export function isFailure(reason: unknown): boolean {
  return typeof reason === 'string' && FAILURES.has(reasonWord(reason));
}

/** Whether the input of a call is whole: an object, nothing, or any text of a custom tool. */
export function isWholeInput({ input, custom }: { readonly input: string; readonly custom: boolean }): boolean {
  return custom || isBlank(input) || parseObject(input) !== null;
}

/** A stream whose last event says that the provider failed. */
export const FAILED = unnamedError('The provider failed in the middle of its answer.');
/** A stream that ended for no reason that is known, in the middle of a call. */
export const CUT_CALL = unnamedError('The provider ended its answer in the middle of a tool call.');
/** A stream with a call that nobody can run. */
export const NAMELESS_CALL = unnamedError('The provider sent a tool call without the name of a tool.');
