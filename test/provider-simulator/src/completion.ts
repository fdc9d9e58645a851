import type { Behaviour } from './behaviour.js';
import type { ChatRequest } from './chat-request.js';
import { providerField } from './exchange.js';

/** Everything about an answer that is decided before its first byte. */
export interface Completion {
  id: string;
  /** Unix seconds. */
  created: number;
  model: string;
  choices: number;
  /** The content of one choice, cut into its chunks; every choice says the same. */
  pieces: readonly string[];
  finishReason: 'stop' | 'length';
  promptTokens: number;
  /** All choices together. */
  completionTokens: number;
  /** Null: report none. */
  usage: Usage | null;
  /** Whether the answer tells what a content filter found, as Azure's do. */
  filtered: boolean;
  /** Named in the answer; undefined: not named. */
  shownProvider?: string | undefined;
}

/** OpenAI's `usage` object. */
interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number; audio_tokens: number };
  completion_tokens_details: {
    reasoning_tokens: number;
    audio_tokens: number;
    accepted_prediction_tokens: number;
    rejected_prediction_tokens: number;
  };
}

/**
 * Decides the answer to the `n`th request, whose body had `bodyBytes`. The same request gets the same content and
 * usage.
 */
export function planCompletion(
  request: ChatRequest,
  behaviour: Behaviour,
  bodyBytes: number,
  n: number,
  shownProvider?: string,
): Completion {
  const chunks = behaviour.chunks ?? 8;
  const wanted = behaviour.completion_tokens ?? 2 * chunks;
  const tokens = Math.min(wanted, request.maxTokens);
  const promptTokens = behaviour.prompt_tokens ?? Math.ceil(bodyBytes / 4);
  const completionTokens = tokens * request.choices;
  return {
    id: `chatcmpl-simulator${n}`,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
    choices: request.choices,
    pieces: cutContent(tokens, Math.min(chunks, tokens), behaviour.content_bytes),
    finishReason: tokens < wanted ? 'length' : 'stop',
    promptTokens,
    completionTokens,
    usage: behaviour.omit_usage === true ? null : usageOf(promptTokens, completionTokens),
    filtered: false,
    shownProvider,
  };
}

function usageOf(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

let lastCut: { key: string; pieces: readonly string[] } = { key: '', pieces: [] };

/** Remembers the last cut: a load test asks for the same one a million times. */
function cutContent(tokens: number, chunks: number, bytes: number | undefined): readonly string[] {
  const key = `${tokens}/${chunks}/${bytes}`;
  if (lastCut.key !== key) {
    const text = bytes === undefined ? words(tokens) : padding(bytes);
    const at = (i: number) => Math.floor((i * text.length) / chunks);
    lastCut = { key, pieces: Array.from({ length: chunks }, (_, i) => text.slice(at(i), at(i + 1))) };
  }
  return lastCut.pieces;
}

/** `word0 word1 word2 …`, one word for each token. */
function words(count: number): string {
  return Array.from({ length: count }, (_, i) => `word${i}`).join(' ');
}

/** Exactly `bytes` bytes of ASCII. */
function padding(bytes: number): string {
  return '0123456789abcdef'.repeat(Math.ceil(bytes / 16)).slice(0, bytes);
}

/** The body of an answer that is not streamed. */
export function plainBody(completion: Completion): string {
  const content = completion.pieces.join('');
  return JSON.stringify({
    id: completion.id,
    object: 'chat.completion',
    created: completion.created,
    model: completion.model,
    choices: Array.from({ length: completion.choices }, (_, index) => ({
      index,
      message: { role: 'assistant', content, refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: completion.finishReason,
      ...(completion.filtered ? { content_filter_results: NOTHING_FOUND } : {}),
    })),
    ...(completion.filtered ? PROMPT_FILTER : {}),
    ...(completion.usage === null ? {} : { usage: completion.usage }),
    service_tier: 'default',
    system_fingerprint: 'fp_simulator',
    ...providerField(completion.shownProvider),
  });
}

/** What Azure's content filter tells of harmless text. */
const NOTHING_FOUND = {
  hate: { filtered: false, severity: 'safe' },
  violence: { filtered: false, severity: 'safe' },
};
const PROMPT_FILTER = { prompt_filter_results: [{ prompt_index: 0, content_filter_results: NOTHING_FOUND }] };

/** The frames of a stream, each a whole server-sent event, in the order of OpenAI's API. */
export interface StreamFrames {
  /** What a filter found in the prompt, before all others and without a choice; null where nothing filters. */
  filters: string | null;
  role(index: number): string;
  content(index: number, piece: string): string;
  finish(index: number): string;
  usage(usage: Usage): string;
  done: string;
}

/**
 * Builds the frames of one stream. With `withUsage` the chunks before the usage chunk carry `"usage": null`, as
 * OpenAI's do. What the chunks have in common is put into JSON once.
 */
export function streamFrames(completion: Completion, withUsage: boolean): StreamFrames {
  const { id, created, model, finishReason } = completion;
  const common = {
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    service_tier: 'default',
    system_fingerprint: 'fp_simulator',
  };
  const head = JSON.stringify({ ...common, ...providerField(completion.shownProvider) }).slice(0, -1);
  const tail = withUsage ? ',"usage":null}\n\n' : '}\n\n';
  const frame = (index: number, delta: string, finish: string) =>
    `data: ${head},"choices":[{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":${finish}}]${tail}`;
  return {
    filters: completion.filtered
      ? `data: ${JSON.stringify({ ...common, id: '', model: '', choices: [], ...PROMPT_FILTER })}\n\n`
      : null,
    role: (index) => frame(index, '{"role":"assistant","content":"","refusal":null}', 'null'),
    content: (index, piece) => frame(index, `{"content":${JSON.stringify(piece)}}`, 'null'),
    finish: (index) => frame(index, '{}', `"${finishReason}"`),
    usage: (usage) => `data: ${head},"choices":[],"usage":${JSON.stringify(usage)}}\n\n`,
    done: 'data: [DONE]\n\n',
  };
}
