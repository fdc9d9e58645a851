import { isStream, type Dialect, type Scenario } from './scenarios.js';

/** Content chunks of a stream. */
export const STREAM_CHUNKS = 64;

/** Content chunks that a stream which is not paced sends in one turn of its event loop. */
const CHUNKS_IN_BURST = 8;
const REPLY_BYTES = 1_024;
const OUTPUT_TOKENS_MAX = 128;
const VECTOR_NUMBERS = 1_536;
const USAGE = { prompt_tokens: 250, completion_tokens: 64, total_tokens: 314 };

/** A request of exactly the scenario's size, with a ceiling of output tokens and, for streams, usage asked for. */
export function requestBody(scenario: Scenario): Buffer {
  const model = scenario.upstreamReply;
  return padded(scenario.bodyBytes, (text) => ({ model, ...requestIn(scenario, text) }));
}

function requestIn(scenario: Scenario, text: string): object {
  const stream = isStream(scenario) ? { stream: true } : {};
  const messages = [{ role: 'user', content: text }];
  switch (scenario.speaks) {
    case 'chat': {
      const usage = isStream(scenario) ? { stream_options: { include_usage: true } } : {};
      return { messages, max_tokens: OUTPUT_TOKENS_MAX, ...stream, ...usage };
    }
    case 'messages':
      return { messages, max_tokens: OUTPUT_TOKENS_MAX, ...stream };
    case 'responses':
      return { input: messages, max_output_tokens: OUTPUT_TOKENS_MAX, ...stream };
    case 'embeddings':
      return { input: text, encoding_format: 'base64' };
  }
}

const USAGE_OF_NEWER_NAMES = { input_tokens: USAGE.prompt_tokens, output_tokens: USAGE.completion_tokens };

/** An answer that is no stream, of 1 KB, but for a vector, and reports its usage. */
export function plainReply(dialect: Dialect): Buffer {
  switch (dialect) {
    case 'chat':
      return completion();
    case 'messages':
      return padded(REPLY_BYTES, (text) => ({ ...message([{ type: 'text', text }], 'end_turn') }));
    case 'responses':
      return padded(REPLY_BYTES, response);
    case 'embeddings':
      return vector();
  }
}

function message(content: readonly object[], stopReason: string | null): object {
  return {
    id: 'msg_load',
    type: 'message',
    role: 'assistant',
    model: 'message-1k',
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage: { ...USAGE_OF_NEWER_NAMES, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  };
}

function response(text: string): object {
  return {
    id: 'resp_load',
    object: 'response',
    created_at: 1_795_190_400,
    status: 'completed',
    error: null,
    incomplete_details: null,
    model: 'response-1k',
    output: [
      {
        id: 'msg_load',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
    usage: { ...USAGE_OF_NEWER_NAMES, total_tokens: USAGE.total_tokens },
  };
}

/** As OpenAI's SDKs ask for it by default: numbers of single precision, in base64. */
function vector(): Buffer {
  const numbers = Float32Array.from({ length: VECTOR_NUMBERS }, (_, i) => ((i * 37) % 199) / 199 - 0.5);
  const embedding = Buffer.from(numbers.buffer).toString('base64');
  const usage = { prompt_tokens: USAGE.prompt_tokens, total_tokens: USAGE.prompt_tokens };
  const data = [{ object: 'embedding', index: 0, embedding }];
  return Buffer.from(JSON.stringify({ object: 'list', data, model: 'vector-8k', usage }));
}

function completion(): Buffer {
  return padded(REPLY_BYTES, (content) => ({
    id: 'chatcmpl-load',
    object: 'chat.completion',
    created: 1_795_190_400,
    model: 'reply-1k',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: USAGE,
  }));
}

/**
 * The events of a stream in the portions in which they are sent, each event a chunk of HTTP of its own: as many
 * portions as bursts, or as chunks where it is paced.
 */
export function streamPortions(dialect: 'chat' | 'messages', paced: boolean): Buffer[] {
  const { first, contents, last } = dialect === 'chat' ? chatEvents() : messageEvents();
  const size = paced ? 1 : CHUNKS_IN_BURST;
  const portions = Array.from({ length: STREAM_CHUNKS / size }, (_, n) => contents.slice(n * size, (n + 1) * size));
  portions[0]!.unshift(...first);
  portions.at(-1)!.push(...last);
  return portions.map((events) => Buffer.from(events.map(chunkOfHttp).join('')));
}

interface Events {
  readonly first: readonly string[];
  readonly contents: readonly string[];
  readonly last: readonly string[];
}

function chatEvents(): Events {
  return {
    first: [streamEvent([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }], null)],
    contents: Array.from({ length: STREAM_CHUNKS }, (_, n) =>
      streamEvent([{ index: 0, delta: { content: ` word${n}` }, finish_reason: null }], null),
    ),
    last: [
      streamEvent([{ index: 0, delta: {}, finish_reason: 'stop' }], null),
      streamEvent([], USAGE),
      'data: [DONE]\n\n',
    ],
  };
}

function messageEvents(): Events {
  const block = { index: 0 };
  return {
    first: [
      namedEvent('message_start', { message: message([], null) }),
      namedEvent('content_block_start', { ...block, content_block: { type: 'text', text: '' } }),
    ],
    contents: Array.from({ length: STREAM_CHUNKS }, (_, n) =>
      namedEvent('content_block_delta', { ...block, delta: { type: 'text_delta', text: ` word${n}` } }),
    ),
    last: [
      namedEvent('content_block_stop', block),
      namedEvent('message_delta', {
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: USAGE_OF_NEWER_NAMES,
      }),
      namedEvent('message_stop', {}),
    ],
  };
}

function namedEvent(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

/** The end of a body in chunks. */
export const LAST_CHUNK = Buffer.from('0\r\n\r\n');

function streamEvent(choices: readonly object[], usage: typeof USAGE | null): string {
  return `data: ${JSON.stringify({ id: 'chatcmpl-load', object: 'chat.completion.chunk', created: 1_795_190_400, model: 'stream', choices, usage })}\n\n`;
}

function chunkOfHttp(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** JSON of exactly so many bytes: words fill what is left. */
function padded(bytes: number, build: (content: string) => object): Buffer {
  const room = bytes - Buffer.byteLength(JSON.stringify(build('')));
  if (room < 0) throw new RangeError(`${bytes} bytes are too few`);
  return Buffer.from(
    JSON.stringify(build('the quick brown fox jumps over the lazy dog '.repeat(Math.ceil(room / 44)).slice(0, room))),
  );
}
