import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer, AnswerError, AnswerEvent, AnswerPart } from '../answer.js';
import type { JsonObject, SentEvent } from '../dialect-codec.js';
import { fieldsOf } from '../fields.js';
import { finishOf } from '../finish.js';
import { SAME_NAMES } from '../names.js';
import { accumulate, errorOf } from '../testing/accumulate.js';
import { streamsOf } from '../testing/events.js';
import { REPLY_CONTEXT } from '../testing/contexts.js';
import { responseOf } from '../testing/response-stream.js';
import { names, objects, usages, words } from '../testing/words.js';
import { openaiResponses } from './codec.js';

/** Parts in any order and number. */
const parts: fc.Arbitrary<readonly AnswerPart[]> = fc.array(
  fc.oneof(
    words.map((text): AnswerPart => ({ kind: 'text', text, citations: [] })),
    words.map((text): AnswerPart => ({ kind: 'refusal', text })),
    words.map((text): AnswerPart => ({ kind: 'thinking', text, sealed: null })),
    words.map((data): AnswerPart => ({
      kind: 'thinking',
      text: '',
      sealed: { maker: 'anthropic', kind: 'redacted', data },
    })),
    fc.record({ id: names, name: names, input: objects }).map(({ input, ...call }): AnswerPart => ({
      kind: 'tool_call',
      ...call,
      input: JSON.stringify(input),
      custom: false,
    })),
    fc
      .record({ id: names, name: names, input: words })
      .map((call): AnswerPart => ({ kind: 'tool_call', ...call, custom: true })),
  ),
  { maxLength: 6 },
);
const anyAnswer: fc.Arbitrary<Answer> = fc
  .record({ parts, reason: fc.constantFrom('stop', 'length', 'content_filter'), usage: usages({ writes: true }) })
  .map(({ parts: all, reason, usage }) => {
    const called = all.map((part, at) => (part.kind === 'tool_call' ? { ...part, id: `${part.id}${at}` } : part));
    const has = (kind: AnswerPart['kind']): boolean => all.some((part) => part.kind === kind);
    const told = has('refusal') && !has('tool_call') && reason === 'stop' ? 'content_filter' : reason;
    const finish = finishOf({ reason: told, stopSequence: null }, has('tool_call'));
    return { id: '', model: 'm', createdAt: 1, parts: called, finish, usage };
  });
const streamed = anyAnswer.chain((answer) => fc.tuple(fc.constant(answer), streamsOf(answer)));

describe('a stream that is written', () => {
  it('obeys the grammar and adds up to the plain reply, whatever the answer is', () => {
    fc.assert(
      fc.property(streamed, ([answer, events]) => {
        expect(responseOf(sent(events))).toEqual(openaiResponses.writeReply(answer, REPLY_CONTEXT));
      }),
    );
  });

  it('ends in one failure if it breaks off anywhere, and says nothing after it', () => {
    fc.assert(
      fc.property(streamed, fc.nat(), ([, events], at) => {
        const before = events.slice(0, at % events.length);
        const told = { kind: null, type: 'api_error', code: null, message: 'Overloaded' };
        const error: AnswerEvent = { type: 'error', error: told };
        const response = responseOf(sent([...before, error, ...events]));
        expect([response['status'], response['error']]).toEqual([
          'failed',
          { code: 'server_error', message: 'Overloaded' },
        ]);
      }),
    );
  });
});

type Change = (event: SentEvent, at: number) => readonly SentEvent[];

/** What providers leave out of their streams, or add. */
const HABITS: readonly (readonly [name: string, change: Change])[] = [
  ['with all events', (event) => [event]],
  ['without names of events', (event) => [{ ...event, event: null }]],
  ['with unknown events', (event, at) => [unknown(at), event, { event: null, data: {} }]],
  ['without the beginning', without(/^response\.(created|in_progress)$/)],
  ['without parts that are added', without(/part\.added$/)],
  ['without any that is added', without(/\.added$/)],
  ['without deltas', without(/\.delta$/)],
  ['without ends of texts and parts', without(/(text|arguments|input|refusal|part)\.done$/)],
  ['with deltas and items alone', without(/^(?!response\.(.*delta|output_item.*|completed|incomplete)$)/)],
  ['with whole items alone', without(/^(?!response\.(output_item\.done|completed|incomplete)$)/)],
  ['with the last event alone', without(/^(?!response\.(completed|incomplete)$)/)],
  ['with an empty output at its end', changed(/^response\.(completed|incomplete)$/, emptied)],
  ['without ids of items', changed(/./, ({ item_id: _, ...data }) => data)],
  ['without places in the output', changed(/./, ({ output_index: _, ...data }) => data)],
];

describe('a stream that is read', () => {
  it.each(HABITS)('is the same %s', (_name, change) => {
    fc.assert(
      fc.property(streamed, ([answer, events]) => {
        const { parts: all, finish, usage } = accumulate(read(sent(events).flatMap(change)));
        expect({ parts: all, finish, usage }).toEqual({
          parts: answer.parts,
          finish: answer.finish,
          usage: answer.usage,
        });
      }),
    );
  });

  it.each([
    ['is named when it is done', 'f', null],
    ['is never named', undefined, 'The provider sent a tool call without the name of a tool.'],
  ])('has a call that %s', (_what, name, error) => {
    const item = { type: 'function_call', id: 'fc_1', call_id: 'a' };
    const done = { ...item, name, arguments: '{"x":1}' };
    const sentEvents: readonly JsonObject[] = [
      { type: 'response.output_item.added', output_index: 0, item },
      { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"x":1}' },
      { type: 'response.output_item.done', output_index: 0, item: done },
      { type: 'response.completed', response: { status: 'completed', output: [done] } },
    ];
    const events = read(sentEvents.map((data) => ({ event: null, data })));
    expect(errorOf(events)?.message ?? null).toBe(error);
    if (error === null) expect(accumulate(events).parts).toMatchObject([{ id: 'a', name: 'f', input: '{"x":1}' }]);
  });

  it('has no end if it breaks off', () => {
    fc.assert(
      fc.property(streamed, fc.nat(), ([, events], at) => {
        const all = sent(events);
        expect(errorOf(read(all.slice(0, at % all.length)))).not.toBeNull();
      }),
    );
  });

  it.each<readonly [name: string, data: JsonObject, error: AnswerError]>([
    [
      'a failed response',
      { type: 'response.failed', response: { error: { code: 'rate_limit_exceeded', message: 'Slow down' } } },
      { kind: 'rate_limit', type: null, code: 'rate_limit_exceeded', message: 'Slow down' },
    ],
    [
      'an error',
      { type: 'error', code: 'server_error', message: 'Sorry' },
      { kind: null, type: null, code: 'server_error', message: 'Sorry' },
    ],
    [
      'an error within an error',
      { type: 'error', error: { type: 'invalid_request_error', message: 'No' } },
      { kind: null, type: 'invalid_request_error', code: null, message: 'No' },
    ],
    [
      'a response that was cancelled',
      { type: 'response.cancelled', response: { status: 'cancelled', error: null } },
      { kind: null, type: null, code: null, message: 'The provider could not complete its answer.' },
    ],
  ])('ends in an error by %s', (_name, data, error) => {
    const decoder = openaiResponses.readStream(SAME_NAMES);
    expect([...decoder.take(null, data), ...decoder.take(null, data), ...decoder.end()]).toEqual([
      { type: 'error', error },
    ]);
  });
});

function sent(events: readonly AnswerEvent[]): readonly SentEvent[] {
  const encoder = openaiResponses.writeStream(REPLY_CONTEXT);
  return events.flatMap((event) => encoder.take(event));
}

function read(events: readonly SentEvent[]): readonly AnswerEvent[] {
  const decoder = openaiResponses.readStream(SAME_NAMES);
  return [...events.flatMap(({ event, data }) => decoder.take(event, data as JsonObject)), ...decoder.end()];
}

function without(types: RegExp): Change {
  return (event) => (types.test(String(fieldsOf(event.data)['type'])) ? [] : [event]);
}

function changed(types: RegExp, change: (data: JsonObject) => JsonObject): Change {
  return (event) =>
    types.test(String(fieldsOf(event.data)['type'])) ? [{ ...event, data: change(fieldsOf(event.data)) }] : [event];
}

function emptied(data: JsonObject): JsonObject {
  return { ...data, response: { ...fieldsOf(data['response']), output: [] } };
}

function unknown(at: number): SentEvent {
  const type = ['response.web_search_call.searching', 'keepalive', 'response.new_thing.delta'][at % 3] ?? '';
  return { event: type, data: { type, output_index: 99, delta: 'x' } };
}
