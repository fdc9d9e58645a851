import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer, AnswerEvent } from '../answer.js';
import type { JsonObject, SentEvent } from '../dialect-codec.js';
import { SAME_NAMES } from '../names.js';
import { accumulate, errorOf, joined } from '../testing/accumulate.js';
import { answers } from '../testing/answers.js';
import { REPLY_CONTEXT } from '../testing/contexts.js';
import { streamsOf } from '../testing/events.js';
import { readReply } from './read-reply.js';
import { readStream } from './read-stream.js';
import { CARRIED } from '../testing/chat-answers.js';
import { anyChunk, chunk, end, upstreams } from '../testing/chat-upstreams.js';
import { writeStream } from './write-stream.js';

const decode = (chunks: readonly (JsonObject | '[DONE]')[]): readonly AnswerEvent[] => {
  const decoder = readStream(SAME_NAMES);
  return [...chunks.flatMap((chunk) => (chunk === '[DONE]' ? [] : decoder.take(null, chunk))), ...decoder.end()];
};
const encode = (events: readonly AnswerEvent[], showUsage = true): readonly SentEvent[] => {
  const encoder = writeStream({ ...REPLY_CONTEXT, showUsage });
  return events.flatMap((event) => encoder.take(event));
};
const call = (piece: JsonObject): JsonObject => chunk({ tool_calls: [piece] });
const partsOf = (...chunks: JsonObject[]): Answer['parts'] => accumulate(decode(chunks)).parts;
const called = (id: string, name: string, input: string) => ({ kind: 'tool_call', id, name, input, custom: false });

describe('a stream of chat', () => {
  it('that is written and read again tells the same answer', () =>
    fc.assert(
      fc.property(
        answers(CARRIED)
          .map((answer) => ({ ...answer, id: `chatcmpl-${answer.id}` }))
          .chain((answer) => fc.tuple(fc.constant(answer), streamsOf(answer))),
        ([answer, events]) => {
          const sent = encode(events).map(({ data }) => data);
          // The places of citations and their order are those of the plain reply.
          expect(accumulate(decode(sent))).toEqual(answer);
        },
      ),
    ));

  it('has the role first, one reason at the end, the usage only if asked for, and [DONE] last', () =>
    fc.assert(
      fc.property(answers(CARRIED).chain(streamsOf), fc.boolean(), (events, showUsage) => {
        const sent = encode(events, showUsage).map(({ data }) => data);
        const chunks = sent.filter((data) => data !== '[DONE]') as unknown as {
          id: string;
          choices: { delta: { role?: string }; finish_reason: string | null }[];
        }[];
        expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
        expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
        expect(chunks.filter(({ choices }) => choices[0]?.finish_reason != null)).toHaveLength(1);
        expect(chunks.filter(({ choices }) => choices.length === 0)).toHaveLength(showUsage ? 1 : 0);
        expect(sent.at(-1)).toBe('[DONE]');
        expect(sent.indexOf('[DONE]')).toBe(sent.length - 1);
      }),
    ));

  it('adds up to the plain reply, however a server cuts it and mixes its parts', () =>
    fc.assert(
      fc.property(upstreams, ({ chunks, plain }) => {
        const expected = readReply(plain, SAME_NAMES);
        expect(expected === null ? null : joined(accumulate(decode(chunks)))).toEqual(
          expected === null ? null : joined(expected),
        );
      }),
      { numRuns: 300 },
    ));

  it('obeys the grammar whatever a server sends', () =>
    fc.assert(
      fc.property(fc.array(anyChunk, { maxLength: 12 }), (chunks) => {
        const events = decode(chunks);
        errorOf(events);
        expect(events.filter(({ type }) => type === 'end' || type === 'error')).toHaveLength(1);
        const sent = encode(events);
        expect(sent.filter(({ data }) => data === '[DONE]' || 'error' in data)).toHaveLength(1);
      }),
      { numRuns: 500 },
    ));
});

describe('calls in a stream (R2, R3)', () => {
  it('are another call with another id, even under the same number, as Ollama sends them', () =>
    expect(
      partsOf(
        call({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }),
        call({ index: 0, id: 'b', function: { name: 'f', arguments: '{"x":1}' } }),
        end(),
      ),
    ).toEqual([called('a', 'f', '{}'), called('b', 'f', '{"x":1}')]));

  it('go on with the same id, as vLLM sends them', () =>
    expect(
      partsOf(
        call({ index: 0, id: 'a', function: { name: 'f', arguments: '{"x"' } }),
        call({ index: 0, id: 'a', function: { name: 'f', arguments: ':1' } }),
        call({ index: 0, id: 'a', function: { arguments: '}' } }),
        end('tool_calls'),
      ),
    ).toEqual([called('a', 'f', '{"x":1}')]));

  it('need no numbers', () =>
    expect(
      partsOf(
        chunk({
          tool_calls: [
            { id: 'a', function: { name: 'f', arguments: '{' } },
            { id: 'b', function: { name: 'g', arguments: '{' } },
          ],
        }),
        call({ id: 'a', function: { arguments: '}' } }),
        call({ id: 'b', function: { arguments: '"x":' } }),
        call({ function: { arguments: '1}' } }),
        end(),
      ),
    ).toEqual([called('a', 'f', '{}'), called('b', 'g', '{"x":1}')]));

  it('need neither ids nor numbers if each comes whole', () =>
    expect(
      partsOf(
        call({ index: 0, function: { name: 'f', arguments: '{}' } }),
        call({ index: 0, function: { name: 'g', arguments: '{}' } }),
        call({ function: { name: 'h', arguments: { x: 1 } } }),
        end(),
      ),
    ).toEqual([
      called('call_chatcmpl-1_0', 'f', '{}'),
      called('call_chatcmpl-1_1', 'g', '{}'),
      called('call_chatcmpl-1_2', 'h', '{"x":1}'),
    ]));

  it('without ids, numbers and input are another call with another name', () =>
    expect(
      partsOf(
        call({ index: 0, function: { name: 'f', arguments: '' } }),
        call({ index: 0, function: { name: 'g' } }),
        end(),
      ),
    ).toEqual([called('call_chatcmpl-1_0', 'f', '{}'), called('call_chatcmpl-1_1', 'g', '{}')]));

  it('may come mixed, and have their names late', () =>
    expect(
      partsOf(
        call({ index: 0, id: 'a' }),
        call({ index: 1, id: 'b', function: { name: 'g', arguments: '{"y"' } }),
        call({ index: 0, function: { arguments: '{"x"' } }),
        call({ index: 1, function: { arguments: ':2}' } }),
        call({ index: 0, function: { name: 'f', arguments: ':1}' } }),
        chunk({ content: 'late' }),
        end(),
      ),
    ).toEqual([
      called('b', 'g', '{"y":2}'),
      called('a', 'f', '{"x":1}'),
      { kind: 'text', text: 'late', citations: [] },
    ]));

  it('pass as they come, if they come one after the other', () => {
    const decoder = readStream(SAME_NAMES);
    decoder.take(null, call({ index: 0, id: 'a', function: { name: 'f', arguments: '{"x":"}' } }));
    expect(decoder.take(null, call({ index: 0, function: { arguments: '\\"y' } }))).toEqual([
      { type: 'delta', index: 0, text: '\\"y' },
    ]);
    decoder.take(null, call({ index: 0, function: { arguments: '"}' } }));
    expect(decoder.take(null, call({ index: 1, id: 'b', function: { name: 'g', arguments: '' } }))).toEqual([
      { type: 'close', index: 0 },
      { type: 'open', index: 1, part: { kind: 'tool_call', id: 'b', name: 'g', custom: false } },
    ]);
  });

  it('that have no input have an empty object, and the end waits for their results whatever it is called (R1, T6)', () => {
    const answer = accumulate(decode([call({ index: 0, id: 'a', function: { name: 'f' } }), end('stop')]));
    expect(answer.parts).toEqual([called('a', 'f', '{}')]);
    expect(answer.finish.reason).toBe('tool_calls');
  });
});

describe('the end of a stream', () => {
  it.each<[string, JsonObject, RegExp, string | null]>([
    ['an error', { error: { message: 'too much', type: 'overloaded', code: 529 } }, /too much/, 'overloaded'],
    ['an error as a text', { error: 'too much' }, /too much/, null],
    ["vLLM's error", { object: 'error', message: 'too much', type: 'BadRequest', code: 400 }, /too much/, 'BadRequest'],
    ["OpenRouter's failure", chunk({ content: '' }, { finish_reason: 'error' }), /failed in the middle/, null],
    ['a failure with its error', { ...end('error'), error: { message: 'gone', code: 'x' } }, /gone/, 'x'],
  ])('is %s in the form of the client (R5)', (_what, last, message, type) => {
    const events = decode([chunk({ content: 'a' }), last, end(), chunk({ content: 'b' })]);
    const error = errorOf(events);
    expect(error?.message).toMatch(message);
    expect(error?.type).toBe(type);
    const sent = encode(events);
    expect(sent.at(-1)?.data).toEqual({
      error: { message: error?.message, type: type ?? 'server_error', param: null, code: null },
    });
  });

  it('is an error if the reason is missing', () =>
    expect(errorOf(decode([chunk({ content: 'a' })]))?.message).toMatch(/before its answer was complete/));

  it('comes after usage in any chunk, each side the larger of all reports', () => {
    const usage = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 };
    const answer = accumulate(
      decode([
        { ...chunk({ content: 'a' }), usage },
        { ...end(), usage: null },
        { id: 'chatcmpl-1', choices: [], usage: { ...usage, completion_tokens: 3, total_tokens: 8 } },
      ]),
    );
    expect(answer.usage).toMatchObject({ inputTokens: 5, outputTokens: 3 });
  });

  it('skips pings, other choices and what nobody knows', () =>
    expect(
      partsOf(
        { type: 'ping' },
        { id: 'x' },
        chunk({ content: 'a', something: 1 }),
        { ...chunk({}), choices: [{ index: 1, delta: { content: 'other' } }, null, 5] },
        end(),
      ),
    ).toEqual([{ kind: 'text', text: 'a', citations: [] }]));
});
