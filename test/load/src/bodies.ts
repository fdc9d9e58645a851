import { isStream, type Scenario } from './scenarios.js';

/** Content chunks of a stream. */
export const STREAM_CHUNKS = 64;

/** Content chunks that a stream which is not paced sends in one turn of its event loop. */
const CHUNKS_IN_BURST = 8;
const REPLY_BYTES = 1_024;
const USAGE = { prompt_tokens: 250, completion_tokens: 64, total_tokens: 314 };

/** A chat request of exactly the scenario's size, with a ceiling of output tokens and, for streams, usage asked for. */
export function requestBody(scenario: Scenario): Buffer {
  return padded(scenario.bodyBytes, (content) => ({
    model: scenario.upstreamReply,
    messages: [{ role: 'user', content }],
    max_tokens: 128,
    ...(isStream(scenario) ? { stream: true, stream_options: { include_usage: true } } : {}),
  }));
}

/** A completion of 1 KB that reports its usage. */
export function plainReply(): Buffer {
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
export function streamPortions(paced: boolean): Buffer[] {
  const contents = Array.from({ length: STREAM_CHUNKS }, (_, n) =>
    streamEvent([{ index: 0, delta: { content: ` word${n}` }, finish_reason: null }], null),
  );
  const size = paced ? 1 : CHUNKS_IN_BURST;
  const portions = Array.from({ length: STREAM_CHUNKS / size }, (_, n) => contents.slice(n * size, (n + 1) * size));
  portions[0]!.unshift(
    streamEvent([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }], null),
  );
  portions
    .at(-1)!
    .push(
      streamEvent([{ index: 0, delta: {}, finish_reason: 'stop' }], null),
      streamEvent([], USAGE),
      'data: [DONE]\n\n',
    );
  return portions.map((events) => Buffer.from(events.map(chunkOfHttp).join('')));
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
