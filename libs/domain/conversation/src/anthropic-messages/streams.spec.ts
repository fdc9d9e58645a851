import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerEvent } from '../answer.js';
import type { JsonObject, ReplyContext, SentEvent } from '../dialect-codec.js';
import { SAME_NAMES } from '../names.js';
import { accumulate, errorOf } from '../testing/accumulate.js';
import { messageOf } from '../testing/messages-stream.js';
import { readStream } from './read-stream.js';
import { writeReply } from './write-reply.js';
import { writeStream } from './write-stream.js';

const context: ReplyContext = {
  model: 'gpt',
  requestId: '0199',
  nowSeconds: 1_800_000_000,
  showUsage: true,
  request: {},
};

function decode(events: readonly JsonObject[]): readonly AnswerEvent[] {
  const decoder = readStream(SAME_NAMES);
  return [...events.flatMap((event) => decoder.take(String(event['type']), event)), ...decoder.end()];
}

function encode(events: readonly AnswerEvent[], more: Partial<ReplyContext> = {}): readonly SentEvent[] {
  const encoder = writeStream({ ...context, ...more });
  return events.flatMap((event) => encoder.take(event));
}

const START = {
  type: 'message_start',
  message: { id: 'msg_1', model: 'claude-opus-4-6', usage: { input_tokens: 27, output_tokens: 1 } },
};
const STOP = { type: 'message_stop' };
const open = (index: number, content: JsonObject): JsonObject => ({
  type: 'content_block_start',
  index,
  content_block: content,
});
const add = (index: number, delta: JsonObject): JsonObject => ({ type: 'content_block_delta', index, delta });
const close = (index: number): JsonObject => ({ type: 'content_block_stop', index });
const text = (said: string): JsonObject => ({ type: 'text', text: said });
const textDelta = (said: string): JsonObject => ({ type: 'text_delta', text: said });
const json = (piece: string): JsonObject => ({ type: 'input_json_delta', partial_json: piece });
const use = (id: string, input: JsonObject = {}): JsonObject => ({ type: 'tool_use', id, name: 'f', input });
const ended = (reason: string | null, usage?: JsonObject): JsonObject => ({
  type: 'message_delta',
  delta: { stop_reason: reason, stop_sequence: null },
  ...(usage !== undefined && { usage }),
});
const PING = { type: 'ping' };

describe('a stream of Claude', () => {
  it('tells thoughts, text and calls one after the other', () => {
    const events = decode([
      START,
      PING,
      open(0, { type: 'thinking', thinking: '', signature: '' }),
      add(0, { type: 'thinking_delta', thinking: 'hm' }),
      add(0, { type: 'signature_delta', signature: 'EqQB' }),
      close(0),
      open(1, { type: 'redacted_thinking', data: 'EmwK' }),
      close(1),
      open(2, text('')),
      add(2, textDelta('Hel')),
      PING,
      add(2, textDelta('lo')),
      add(2, { type: 'citations_delta', citation: { type: 'char_location', cited_text: 'x', document_title: 'A' } }),
      close(2),
      open(3, use('toolu_1')),
      add(3, json('')),
      add(3, json('{"a"')),
      add(3, json(':1}')),
      close(3),
      ended('tool_use', { output_tokens: 12 }),
      STOP,
    ]);
    expect(accumulate(events)).toMatchObject({
      id: 'msg_1',
      parts: [
        { kind: 'thinking', text: 'hm', sealed: { maker: 'anthropic', kind: 'signature', data: 'EqQB' } },
        { kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'redacted', data: 'EmwK' } },
        { kind: 'text', text: 'Hello', citations: [{ title: 'A', quoted: 'x' }] },
        { kind: 'tool_call', id: 'toolu_1', name: 'f', input: '{"a":1}' },
      ],
      finish: { reason: 'tool_calls' },
      usage: { inputTokens: 27, outputTokens: 12 },
    });
  });

  it('has {} for a call without arguments, and the input that a call was opened with', () => {
    const events = decode([
      START,
      open(0, use('a')),
      add(0, json('')),
      close(0),
      open(1, use('b', { whole: true })),
      close(1),
      open(2, use('c', { old: true })),
      add(2, json('{}')),
      close(2),
      ended('end_turn'),
      STOP,
    ]);
    const { parts, finish } = accumulate(events);
    expect(parts.map((part) => part.kind === 'tool_call' && part.input)).toEqual(['{}', '{"whole":true}', '{}']);
    expect(finish.reason).toBe('tool_calls');
  });

  it('has the last value of each field of its usage', () => {
    const events = decode([
      START,
      open(0, text('hi')),
      close(0),
      ended(null, { input_tokens: 27, cache_read_input_tokens: 100, output_tokens: 12 }),
      ended('end_turn', { input_tokens: null, output_tokens: 47 }),
      STOP,
    ]);
    expect(accumulate(events).usage).toMatchObject({ inputTokens: 127, cachedInputTokens: 100, outputTokens: 47 });
  });

  it('counts passes that the sides of its usage leave out', () => {
    const iterations = [
      { type: 'compaction', input_tokens: 180_000, output_tokens: 3_500 },
      { type: 'message', input_tokens: 23_000, output_tokens: 1_000 },
      { type: 'advisor_message', model: 'claude-opus-5-5', input_tokens: 9, output_tokens: 3 },
    ];
    const events = decode([START, ended('end_turn', { input_tokens: 23_000, output_tokens: 1_000, iterations }), STOP]);
    const { usage } = accumulate(events);
    expect(usage).toMatchObject({ inputTokens: 23_000, outputTokens: 1_000 });
    expect(usage?.details?.passes).toMatchObject([
      { kind: 'compaction', usage: { inputTokens: 180_000, outputTokens: 3_500 } },
      { kind: 'advisor_message', model: 'claude-opus-5-5', usage: { inputTokens: 9, outputTokens: 3 } },
    ]);
  });

  it('keeps parts apart that overlap, and waits for each', () => {
    const events = decode([
      START,
      open(0, use('a')),
      open(1, use('b')),
      add(1, json('{"b":1}')),
      add(0, json('{"a":1}')),
      close(1),
      close(0),
      open(2, text('done')),
      ended('tool_use'),
      STOP,
    ]);
    expect(accumulate(events).parts).toMatchObject([{ input: '{"a":1}' }, { input: '{"b":1}' }, { text: 'done' }]);
  });

  it('tells a refusal with its reason', () => {
    const stop = { stop_reason: 'refusal', stop_details: { type: 'refusal', explanation: 'It may do harm.' } };
    const events = decode([START, open(0, text('I')), { type: 'message_delta', delta: stop }, STOP]);
    expect(accumulate(events)).toMatchObject({
      parts: [
        { kind: 'text', text: 'I' },
        { kind: 'refusal', text: 'It may do harm.' },
      ],
      finish: { reason: 'content_filter' },
    });
  });

  it.each<[string, readonly JsonObject[], string | null]>([
    [
      'an error',
      [START, open(0, text('hi')), { type: 'error', error: { type: 'overloaded_error', message: 'no' } }, STOP],
      'overloaded_error',
    ],
    ['an error of no form', [START, { type: 'error' }], null],
    ['a pause', [START, open(0, text('hi')), close(0), ended('pause_turn'), STOP], null],
    ['a failure', [START, open(0, text('hi')), close(0), ended('abort'), STOP], null],
    ['a cut call', [START, open(0, use('a')), add(0, json('{"x":')), close(0), ended('odd'), STOP], null],
    ['a call without a name', [START, open(0, { ...use('a'), name: '' }), close(0), ended('tool_use'), STOP], null],
    ['a break', [START, open(0, text('hi'))], null],
    ['nothing', [], null],
  ])('ends in an error after %s', (_, events, type) => {
    expect(errorOf(decode(events))).toMatchObject({ type });
  });

  it.each([
    ['odd', '{"x":1}'],
    ['odd', ''],
    ['max_tokens', '{"x":'],
    ['tool_use', '{"x":'],
  ])('has a call that ended by %s with the input %s', (reason, input) => {
    const events = decode([START, open(0, use('a')), add(0, json(input)), close(0), ended(reason), STOP]);
    expect(accumulate(events).parts).toMatchObject([{ name: 'f', input: input === '' ? '{}' : input }]);
  });

  it('is whole without its last event, if it has told why it ended', () => {
    expect(accumulate(decode([START, open(0, text('hi')), ended('end_turn')])).parts).toMatchObject([{ text: 'hi' }]);
  });

  it('obeys the grammar whatever order its events come in, and so does what is made of it', () => {
    const index = fc.integer({ min: 0, max: 2 });
    const event = fc.oneof(
      fc
        .tuple(
          index,
          fc.constantFrom(
            text('a'),
            text(''),
            use('a'),
            use('b', { x: 1 }),
            { type: 'thinking', thinking: '' },
            { type: 'redacted_thinking', data: 'EmwK' },
            { type: 'server_tool_use' },
          ),
        )
        .map(([at, block]) => open(at, block)),
      fc
        .tuple(
          index,
          fc.constantFrom(
            textDelta('b'),
            json('{}'),
            json(''),
            { type: 'thinking_delta', thinking: 'c' },
            { type: 'signature_delta', signature: 'E' },
            { type: 'citations_delta', citation: { type: 'char_location' } },
            {},
          ),
        )
        .map(([at, delta]) => add(at, delta)),
      index.map(close),
      fc.constantFrom<JsonObject>(
        START,
        PING,
        ended(null, { output_tokens: 3 }),
        ended('end_turn'),
        ended('tool_use', { input_tokens: 5 }),
      ),
      {
        weight: 1,
        arbitrary: fc.constantFrom<JsonObject>({ type: 'later' }, { type: 5 }, {}, { type: 'error', error: {} }, STOP),
      },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 25 }), (upstream) => {
        const events = decode(upstream);
        if (errorOf(events) !== null) return;
        expect(messageOf(encode(events))).toEqual(writeReply(accumulate(events), context));
      }),
    );
  });
});

describe('a stream for a client of Anthropic', () => {
  const start: AnswerEvent = { type: 'start', id: 'chatcmpl-1', model: '', createdAt: null };
  const usage: AnswerEvent = {
    type: 'usage',
    usage: { inputTokens: 30, outputTokens: 5, cachedInputTokens: 10, reasoningTokens: 0 },
  };
  const said: readonly AnswerEvent[] = [
    { type: 'open', index: 0, part: { kind: 'text' } },
    { type: 'delta', index: 0, text: 'hi' },
    { type: 'close', index: 0 },
  ];
  const stop: readonly AnswerEvent[] = [
    { type: 'finish', finish: { reason: 'stop', stopSequence: null } },
    { type: 'end' },
  ];
  const shown = ({ data }: SentEvent): JsonObject => {
    const { message, usage: last } = data as { message?: JsonObject; usage?: JsonObject };
    return (message?.['usage'] ?? last) as JsonObject;
  };

  it('has the events of Anthropic in their order, with the name of each', () => {
    const events = encode([start, ...said, usage, ...stop]);
    expect(events.map(({ event }) => event)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(events[0]?.data).toMatchObject({
      message: { id: 'msg_0199', type: 'message', role: 'assistant', model: 'gpt', content: [], stop_reason: null },
    });
    expect(events[1]?.data).toEqual({
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'text', text: '' },
    });
    expect(events[4]?.data).toMatchObject({ delta: { stop_reason: 'end_turn', stop_sequence: null } });
  });

  it('tells the input at its beginning, as it was counted, and as it was reported at its end', () => {
    const events = encode([start, ...said, usage, ...stop], { inputTokensCounted: 29 });
    expect(shown(events[0] as SentEvent)).toMatchObject({ input_tokens: 29, output_tokens: 0 });
    expect(shown(events.at(-2) as SentEvent)).toMatchObject({
      input_tokens: 20,
      cache_read_input_tokens: 10,
      output_tokens: 5,
    });
  });

  it('begins at once if the input was counted, and else with the report that comes first', () => {
    expect(encode([start], { inputTokensCounted: 29 })).toHaveLength(1);
    const events = encode([start, usage, ...said]);
    expect(events[0]?.event).toBe('message_start');
    expect(shown(events[0] as SentEvent)).toMatchObject({ input_tokens: 20, cache_read_input_tokens: 10 });
  });

  it('has usage in its last event even if the provider reports none', () => {
    expect(shown(encode([start, ...said, ...stop]).at(-2) as SentEvent)).toMatchObject({
      input_tokens: 0,
      output_tokens: 0,
    });
  });

  it('gives the input of a custom tool as JSON, piece by piece', () => {
    const calls: readonly AnswerEvent[] = [
      { type: 'open', index: 0, part: { kind: 'tool_call', id: 'call_1', name: 'patch', custom: true } },
      { type: 'delta', index: 0, text: '"a"\n\ud83d' },
      { type: 'delta', index: 0, text: '\ude00' },
      { type: 'close', index: 0 },
    ];
    expect(messageOf(encode([start, ...calls, ...stop]))).toMatchObject({
      content: [{ type: 'tool_use', id: 'call_1', name: 'patch', input: { input: '"a"\n😀' } }],
      stop_reason: 'tool_use',
    });
  });

  it.each([
    ['invalid_request_error', 'invalid_request_error'],
    ['server_error', 'api_error'],
    ['provider_failed', 'api_error'],
    ['constructor', 'api_error'],
    [null, 'api_error'],
  ])('ends in an event of the type error for %s', (type, expected) => {
    const error = { kind: null, type, code: null, message: 'no' };
    const events = encode([start, ...said, { type: 'error', error }, ...stop]);
    expect(events.at(-1)).toEqual({
      event: 'error',
      data: { type: 'error', error: { type: expected, message: 'no' } },
    });
    expect(events.filter(({ event }) => event === 'message_stop' || event === 'message_delta')).toEqual([]);
  });
});
