import { event, type Step } from './steps.js';

/** Fields beside those that every chunk or reply has. */
type More = Readonly<Record<string, unknown>>;

/** A chunk of a streamed completion with one choice. */
export function chunk(delta: object, finishReason: string | null = null, more: More = {}): object {
  return {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finishReason }],
    ...more,
  };
}

/** The message of a plain completion with one choice, as JSON text. No usage where none is given. */
export function completion(message: string | More, usage?: unknown, more: More = {}): string {
  const said = typeof message === 'string' ? { content: message } : message;
  const choices = [{ index: 0, message: { role: 'assistant', ...said }, finish_reason: 'stop' }];
  return JSON.stringify({
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices,
    ...(usage !== undefined && { usage }),
    ...more,
  });
}

/** What an answer of 100 tokens in and 50 out reports. */
export const reported = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 } as const;

export const role = chunk({ role: 'assistant', content: '' });
export const words: readonly object[] = Array.from({ length: 20 }, (_, index) => chunk({ content: `word${index} ` }));
/** The text of `words`. */
export const wordsText = Array.from({ length: 20 }, (_, index) => `word${index} `).join('');
export const stop = chunk({}, 'stop');

/** The chunk that reports usage, with no choice in it. */
export function usageChunk(usage: unknown = reported, more: More = {}): object {
  return { ...chunk({}), choices: [], usage, ...more };
}

/** A whole answer in chunks: role, twenty words, the end, usage, `[DONE]`. */
export const answer: readonly (object | string)[] = [role, ...words, stop, usageChunk(), '[DONE]'];

/** Each of these as an event of its own. */
export function events(data: readonly (object | string)[], newline = '\n'): Buffer[] {
  return data.map((each) => event(each, newline));
}

/**
 * As `events`; after the one that holds `word`, the provider waits until the client has it. So a stream that is held
 * back is told from one that is passed on as it comes.
 */
export function liveEvents(data: readonly (object | string)[], { newline = '\n', word = 'word0' } = {}): Step[] {
  return events(data, newline).flatMap((bytes): Step[] =>
    bytes.includes(`${word} `) || bytes.includes(`${word}"`) ? [bytes, `await-${word}`] : [bytes],
  );
}
