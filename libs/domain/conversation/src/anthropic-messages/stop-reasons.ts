import type { AnswerPart, Finish } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { isObject, textOf } from '../fields.js';
import { finishOf } from '../finish.js';

/** The reasons that Claude gives, besides that of a pause. */
const KNOWN: ReadonlySet<string> = new Set([
  ...['end_turn', 'stop_sequence', 'tool_use', 'max_tokens', 'model_context_window_exceeded', 'refusal'],
]);

/** Whether a reason is one of Claude's: other servers of its dialect have others. */
export function isKnownReason(reason: string): boolean {
  return KNOWN.has(reason);
}

/**
 * Why Claude stopped: platform.claude.com/docs/en/build-with-claude/handling-stop-reasons. A reason that is not known
 * is an end like others, so that whole calls which came before it are not lost.
 */
export function readStopReason(reason: string, stopSequence: unknown): Finish {
  switch (reason) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return { reason: 'length', stopSequence: null };
    case 'tool_use':
      return { reason: 'tool_calls', stopSequence: null };
    case 'refusal':
      return { reason: 'content_filter', stopSequence: null };
    default:
      return { reason: 'stop', stopSequence: textOf(stopSequence) };
  }
}

/** Claude has paused in the middle of its own tools, to be called again: that is no answer. */
export function isPause(reason: unknown): boolean {
  return reason === 'pause_turn';
}

/** Why Claude refused, in words; null if it says nothing. */
export function readExplanation(stopDetails: unknown): string | null {
  return isObject(stopDetails) ? textOf(stopDetails['explanation']) : null;
}

/** `stop_reason` and its kin, for an answer with these parts. A refusal is one, whatever the provider calls its end. */
export function writeStopReason(told: Finish, kinds: ReadonlySet<AnswerPart['kind']>): JsonObject {
  const finish = finishOf(told, kinds.has('tool_call'));
  if (kinds.has('refusal') && finish.reason === 'stop') return reason('refusal');
  switch (finish.reason) {
    case 'length':
      return reason('max_tokens');
    case 'tool_calls':
      return reason('tool_use');
    case 'content_filter':
      return reason('refusal');
    case 'stop':
      return finish.stopSequence === null ? reason('end_turn') : reason('stop_sequence', finish.stopSequence);
    default:
      return finish.reason satisfies never;
  }
}

function reason(name: string, stopSequence: string | null = null): JsonObject {
  const details = name === 'refusal' ? { stop_details: { type: 'refusal', category: null, explanation: null } } : {};
  return { stop_reason: name, stop_sequence: stopSequence, ...details };
}
