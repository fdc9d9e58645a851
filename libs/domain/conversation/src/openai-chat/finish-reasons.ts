import type { Finish, FinishReason } from '../answer.js';

/** Words for the reasons that are not OpenAI's own: of Mistral, Cohere, Gemini, Claude and others behind relays. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  tool_use: 'tool_calls',
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

/**
 * Why an answer ended; null if the value says nothing, as in all chunks but the last. A reason that is not known is an
 * end like others, so that calls before it are not lost.
 */
export function readFinish(value: unknown): Finish | null {
  if (typeof value !== 'string' || value === '') return null;
  const word = value.toLowerCase();
  return { reason: (Object.hasOwn(REASONS, word) ? REASONS[word] : undefined) ?? 'stop', stopSequence: null };
}

/** Whether a reason says that the provider failed. */
export function isFailure(value: unknown): boolean {
  return value === 'error';
}
