import { describe, expect, it } from 'vitest';
import type { Answer, AnswerEvent, AnswerPart } from './answer.js';
import { anthropicMessages } from './anthropic-messages/codec.js';
import { CustomInput } from './custom-input.js';
import type { DialectCodec, JsonObject, StreamDecoder } from './dialect-codec.js';
import { isFault } from './fault.js';
import { SAME_NAMES } from './names.js';
import { openaiChat } from './openai-chat/codec.js';
import { openaiResponses } from './openai-responses/codec.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from './testing/contexts.js';
import { stepsOf } from './testing/count-steps.js';
import { LARGE_REQUESTS, type LargeRequest } from './testing/large-requests.js';

const CODECS = [openaiChat, openaiResponses, anthropicMessages];
const COUNT = 200;
/** More than the arguments that a function can have: a list of so many cannot be spread into a call. */
const HUGE = 300_000;
/** What would be spread, and how many of it. */
const SPREAD: ReadonlyMap<string, number> = new Map([
  ['parts in one message', HUGE],
  ['tools between turns', HUGE / 2],
  ['calls, then outputs', HUGE / 2],
]);
/** Four times as much may take four times as many steps. Work in the square of it would take sixteen times as many. */
const GROWTH_MAX = 4.5;

function growthOf(prepare: (count: number) => () => void): number {
  return stepsOf(prepare(4 * COUNT)) / stepsOf(prepare(COUNT));
}

function carry(large: LargeRequest, body: JsonObject, target: DialectCodec): void {
  const source = CODECS.find(({ name }) => name === large.dialect) ?? openaiChat;
  const read = source.readRequest(body);
  if (isFault(read)) throw new Error(`${read.param}: ${read.message}`);
  const written = target.writeRequest(read, WRITE_CONTEXT);
  if (isFault(written) !== (large.isRefused === true))
    throw new Error(`it is ${JSON.stringify(written).slice(0, 200)}`);
}

describe.each(LARGE_REQUESTS)('a request of $dialect with many $what', (large) => {
  it.each(CODECS)('takes steps in its own measure to $name', (target) => {
    const growth = growthOf((count) => {
      const body = large.of(count);
      return () => carry(large, body, target);
    });
    expect(growth).toBeLessThan(GROWTH_MAX);
  });
});

const TEXT: AnswerPart = { kind: 'text', text: 'a', citations: [] };
const call = (at: number): AnswerPart => ({
  kind: 'tool_call',
  id: `call_${at}`,
  name: 'look',
  input: '{"at":1}',
  custom: false,
});
const thought = (at: number): AnswerPart => ({
  kind: 'thinking',
  text: 'So.',
  sealed: { maker: 'anthropic', kind: 'signature', data: `seal${at}` },
});
const PARTS: readonly { readonly what: string; readonly part: (at: number) => AnswerPart }[] = [
  { what: 'texts', part: () => TEXT },
  { what: 'calls', part: call },
  { what: 'thoughts', part: thought },
  { what: 'texts and calls', part: (at) => (at % 2 === 0 ? TEXT : call(at)) },
];

function answerOf(count: number, part: (at: number) => AnswerPart): Answer {
  return {
    id: 'an-answer',
    model: 'a-model',
    createdAt: 1,
    parts: Array.from({ length: count }, (_, at) => part(at)),
    finish: { reason: 'stop', stopSequence: null },
    usage: null,
  };
}

/** A stream whose parts have `deltas` deltas each. */
function eventsOf({ parts, ...answer }: Answer, deltas = 1): AnswerEvent[] {
  const events: AnswerEvent[] = [{ type: 'start', ...answer }];
  for (const [index, part] of parts.entries()) {
    events.push({ type: 'open', index, part });
    const text = part.kind === 'tool_call' ? part.input : part.text;
    for (let delta = 0; delta < deltas; delta++) events.push({ type: 'delta', index, text });
    events.push({ type: 'close', index });
  }
  events.push({ type: 'finish', finish: answer.finish }, { type: 'end' });
  return events;
}

function writeEvents(codec: DialectCodec, events: readonly AnswerEvent[]): JsonObject[] {
  const encoder = codec.writeStream(REPLY_CONTEXT);
  const sent: JsonObject[] = [];
  for (const event of events) for (const { data } of encoder.take(event)) if (data !== '[DONE]') sent.push(data);
  return sent;
}

function readEvents(decoder: StreamDecoder, sent: readonly JsonObject[]): number {
  let count = 0;
  for (const data of sent) count += decoder.take(null, data).length;
  return count + decoder.end().length;
}

describe.each(CODECS)('$name', (codec) => {
  it.each(PARTS)('writes and reads replies with many $what in their own measure', ({ part }) => {
    const growth = growthOf((count) => {
      const answer = answerOf(count, part);
      return () => {
        const read = codec.readReply(codec.writeReply(answer, REPLY_CONTEXT), SAME_NAMES);
        if (read === null) throw new Error('it is no answer');
      };
    });
    expect(growth).toBeLessThan(GROWTH_MAX);
  });

  it.each(PARTS)('writes and reads streams with many $what in their own measure', ({ part }) => {
    const growth = growthOf((count) => {
      const events = eventsOf(answerOf(count, part));
      return () => readEvents(codec.readStream(SAME_NAMES), writeEvents(codec, events));
    });
    expect(growth).toBeLessThan(GROWTH_MAX);
  });

  it('writes and reads streams with many deltas in their own measure', () => {
    const growth = growthOf((count) => {
      const events = eventsOf(
        answerOf(1, () => TEXT),
        count,
      );
      return () => readEvents(codec.readStream(SAME_NAMES), writeEvents(codec, events));
    });
    expect(growth).toBeLessThan(GROWTH_MAX);
  });
});

/** What a provider may send in another order than any that is written here. */
const ODD_STREAMS: readonly {
  readonly what: string;
  readonly codec: DialectCodec;
  readonly sent: (count: number) => readonly JsonObject[];
}[] = [
  {
    what: 'calls that stay open',
    codec: openaiChat,
    sent: (count) => [
      ...each(count, (index) => chunk({ tool_calls: [{ index, id: `call_${index}`, function: { name: 'look' } }] })),
      ...each(count, (index) => chunk({ tool_calls: [{ index, function: { arguments: '{}' } }] })),
    ],
  },
  {
    what: 'calls and texts by turns',
    codec: openaiChat,
    sent: (count) =>
      each(count, (index) => [
        chunk({ tool_calls: [{ index, id: `call_${index}`, function: { name: 'look' } }] }),
        chunk({ content: 'a' }),
      ]).flat(),
  },
  {
    what: 'blocks that stay open',
    codec: anthropicMessages,
    sent: (count) => [
      ...each(count, (index) => ({ type: 'content_block_start', index, content_block: { type: 'text', text: 'a' } })),
      { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
    ],
  },
  {
    what: 'items that only their ids tell apart',
    codec: openaiResponses,
    sent: (count) => [
      ...each(count, (at) => ({ type: 'response.output_text.delta', item_id: `msg_${at}`, delta: 'a' })),
      { type: 'response.completed', response: { output: each(count, (at) => responsesMessage(`msg_${at}`)) } },
    ],
  },
  {
    what: 'items that the last event alone has',
    codec: openaiResponses,
    sent: (count) => [
      { type: 'response.completed', response: { output: each(count, (at) => responsesMessage(`msg_${at}`)) } },
    ],
  },
  {
    what: 'calls whose last event has no ids of items',
    codec: openaiResponses,
    sent: (count) => [
      ...each(count, (at) => ({ type: 'response.output_item.added', output_index: at, item: responsesCall(at) })),
      { type: 'response.completed', response: { output: each(count, responsesCall) } },
    ],
  },
];

function each<Value>(count: number, make: (at: number) => Value): Value[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

function chunk(delta: JsonObject): JsonObject {
  return { choices: [{ index: 0, delta, finish_reason: null }] };
}

function responsesMessage(id: string): JsonObject {
  return { type: 'message', id, content: [{ type: 'output_text', text: 'a' }] };
}

function responsesCall(at: number): JsonObject {
  return { type: 'function_call', call_id: `call_${at}`, name: 'look', arguments: '{}' };
}

describe('a stream of a provider', () => {
  it.each(ODD_STREAMS)('of $codec.name with many $what is read in its own measure', ({ codec, sent }) => {
    const growth = growthOf((count) => {
      const events = sent(count);
      return () => void readEvents(codec.readStream(SAME_NAMES), events);
    });
    expect(growth).toBeLessThan(GROWTH_MAX);
  });

  it('may have any white space before the input of a custom tool', { timeout: 300_000 }, () => {
    const input = new CustomInput();
    let text = '';
    for (let at = 0; at < HUGE; at++) text += input.take(' ');
    for (const piece of ['{', ' ', '"in', 'put" ', ': ', '"yes', '"}']) text += input.take(piece);
    expect(text + input.end()).toBe('yes');
  });
});

describe('a huge request', () => {
  it.each(LARGE_REQUESTS.filter(({ what }) => SPREAD.has(what)))(
    'of $dialect with $what is read and written',
    { timeout: 300_000 },
    (large) => {
      const body = large.of(SPREAD.get(large.what) ?? HUGE);
      const isCheap = large.what === 'parts in one message';
      for (const target of CODECS) if (isCheap || target.name === large.dialect) carry(large, body, target);
    },
  );
});

describe('a huge answer', () => {
  it.each(CODECS)('is written and read by $name', { timeout: 300_000 }, (codec) => {
    const answer = answerOf(HUGE, () => TEXT);
    const reply = codec.readReply(codec.writeReply(answer, REPLY_CONTEXT), SAME_NAMES);
    const texts = reply?.parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));
    expect(texts?.join('')).toHaveLength(HUGE);
  });
});
