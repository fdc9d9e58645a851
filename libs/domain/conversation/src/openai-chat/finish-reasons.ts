import type { Finish, FinishReason } from '../answer.js';
import { reasonWord } from '../failures.js';

/** Words for the reasons that are not OpenAI's own: of Mistral, Cohere, Gemini, Claude and others behind relays. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  tool_use: 'tool_calls',
  tool_call: 'tool_calls',
  end_turn: 'stop',
  stop_sequence: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  complete: 'stop',
  max_tokens: 'length',
  model_length: 'length',
  max_output_tokens: 'length',
  model_context_window_exceeded: 'length',
  refusal: 'content_filter',
  safety: 'content_filter',
  recitation: 'content_filter',
  prohibited_content: 'content_filter',
  blocklist: 'content_filter',
  spii: 'content_filter',
};

/** Why an answer ended, and whether the word for it is known. */
export interface ReadFinish extends Finish {
  readonly isKnown: boolean;
}

/** Whether an answer was cut where it was, so that its last call may be less than a call. */
export function wasCut(finish: Finish | null): boolean {
  return finish?.reason === 'length' || finish?.reason === 'content_filter';
}

/**
 * Why an answer ended; null if the value says nothing, as in all chunks but the last. A reason that is not known is an
 * end like others, so that whole calls before it are not lost.
 */
export function readFinish(value: unknown): ReadFinish | null {
  if (typeof value !== 'string' || value === '') return null;
  const word = reasonWord(value);
  const reason = Object.hasOwn(REASONS, word) ? REASONS[word] : undefined;
  return { reason: reason ?? 'stop', stopSequence: null, isKnown: reason !== undefined };
}
