import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer, AnswerEvent } from '../answer.js';
import type { JsonObject, SentEvent } from '../dialect-codec.js';
import { SAME_NAMES } from '../names.js';
import { accumulate, errorOf, joined } from '../testing/accumulate.js';
import { answers } from '../testing/answers.js';
import { REPLY_CONTEXT } from '../testing/contexts.js';
import { cutsOf, streamsOf } from '../testing/events.js';
import { names, objects, words } from '../testing/words.js';
import { readReply } from './read-reply.js';
import { readStream } from './read-stream.js';
import { CARRIED } from '../testing/chat-answers.js';
import { writeStream } from './write-stream.js';

const decode = (chunks: readonly (JsonObject | '[DONE]')[]): readonly AnswerEvent[] => {
  const decoder = readStream(SAME_NAMES);
  const read = chunks.flatMap((chunk) => (chunk === '[DONE]' ? [] : decoder.take(null, chunk)));
  return [...read, ...decoder.end(chunks.at(-1) === '[DONE]')];
};
const encode = (events: readonly AnswerEvent[], showUsage = true): readonly SentEvent[] => {
  const encoder = writeStream({ ...REPLY_CONTEXT, showUsage });
  return events.flatMap((event) => encoder.take(event));
};
const chunk = (delta: JsonObject, more: JsonObject = {}): JsonObject => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 5,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});
const end = (reason = 'stop'): JsonObject => chunk({}, { finish_reason: reason });
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

  const first = (args: string): JsonObject => call({ index: 0, id: 'a', function: { name: 'f', arguments: args } });
  const more = (args: string, of: JsonObject = { index: 0 }): JsonObject =>
    call({ ...of, function: { arguments: args } });
  it.each<[string, readonly JsonObject[], string]>([
    ['an empty object', [first('{}'), more('{"x":1}')], '{"x":1}'],
    ['an empty object in pieces', [first('{'), more(' }'), more(' '), more('{'), more('"x":1}')], '{"x":1}'],
    ['an empty object and its id again', [first('{}'), more('{"x":1}', { index: 0, id: 'a' })], '{"x":1}'],
    ['a brace', [first('{'), more('"x":1}')], '{"x":1}'],
    ['nothing else than an empty object', [first(''), more('{'), more('}')], '{}'],
    ['a piece with another id', [first('{"x"'), more(':1}', { index: 0, id: 'z' })], '{"x":1}'],
    ['a piece with another id and no number', [first('{"x"'), more(':1}', { id: 'z' })], '{"x":1}'],
    ['an empty object and another id', [first('{}'), more('{"x":1}', { id: 'z' })], '{"x":1}'],
  ])('are one call that begins with %s', (_what, chunks, input) => {
    expect(partsOf(...chunks, end('tool_calls'))).toEqual([called('a', 'f', input)]);
  });

  it('may be of a custom tool that was sent as a function, and empty', () => {
    const names = { ...SAME_NAMES, isCustom: () => true };
    const decoder = readStream(names);
    const events = [first('{}'), end()].flatMap((each) => decoder.take(null, each));
    const plain = readReply(
      { choices: [{ message: { tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{}' } }] } }] },
      names,
    );
    expect(accumulate([...events, ...decoder.end()]).parts).toEqual(plain?.parts);
  });

  it('may have an empty object until other parts have come', () => {
    const other = call({ index: 1, id: 'b', function: { name: 'g', arguments: '{}' } });
    const late = more('{"y":2}', { index: 1 });
    expect(partsOf(first('{}'), other, chunk({ content: 'a' }), more('{"x":1}'), late, end())).toEqual([
      called('a', 'f', '{"x":1}'),
      called('b', 'g', '{"y":2}'),
      { kind: 'text', text: 'a', citations: [] },
    ]);
  });

  it('without a name are an error, unless the answer was cut there', () => {
    const nameless = call({ index: 0, id: 'a', function: { arguments: '{"x":1}' } });
    for (const last of [end('tool_calls'), end('stop'), end('odd'), '[DONE]' as const])
      expect(errorOf(decode([chunk({ content: 'a' }), nameless, last]))?.message).toMatch(/without the name/);
    for (const reason of ['length', 'content_filter'])
      expect(partsOf(chunk({ content: 'a' }), nameless, end(reason))).toEqual([
        { kind: 'text', text: 'a', citations: [] },
      ]);
  });

  it('that have no input have an empty object, and the end waits for their results whatever it is called (R1, T6)', () => {
    const answer = accumulate(decode([call({ index: 0, id: 'a', function: { name: 'f' } }), end('stop')]));
    expect(answer.parts).toEqual([called('a', 'f', '{}')]);
    expect(answer.finish.reason).toBe('tool_calls');
  });
});

const OVERLOADED = 'server_is_overloaded';

describe('the end of a stream', () => {
  it.each<[string, JsonObject, RegExp, string, string | null]>([
    ['an error', { error: { message: 'no', type: 'overloaded', code: 529 } }, /no/, 'server_error', OVERLOADED],
    ['an error as a text', { error: 'too much' }, /too much/, 'server_error', null],
    ["vLLM's error", { object: 'error', message: 'no', type: 'BadRequest', code: 400 }, /no/, 'BadRequest', null],
    ["OpenRouter's failure", chunk({ content: '' }, { finish_reason: 'error' }), /middle/, 'server_error', null],
    ["DeepSeek's failure", end('insufficient_system_resource'), /middle/, 'server_error', null],
    ["vLLM's failure", end('abort'), /middle/, 'server_error', null],
    ["Gemini's failure", end('MALFORMED_FUNCTION_CALL'), /middle/, 'server_error', null],
    ["Gemini's, with its filter", end('function_call_filter: MALFORMED_FUNCTION_CALL'), /middle/, 'server_error', null],
    ['a failure with its error', { ...end('error'), error: { message: 'gone', code: 'x' } }, /gone/, 'x', 'x'],
  ])('is %s in the form of the client (R5)', (_what, last, message, type, code) => {
    const events = decode([chunk({ content: 'a' }), last, end(), chunk({ content: 'b' })]);
    const error = errorOf(events);
    expect(error?.message).toMatch(message);
    const sent = encode(events);
    expect(sent.at(-1)?.data).toEqual({ error: { message: error?.message, type, param: null, code } });
  });

  it('does not come by an empty error, which some servers send with each chunk', () => {
    const events = decode([chunk({ content: 'a' }, { error: {} }), { ...end(), error: {} }]);
    expect(errorOf(events)).toBeNull();
  });

  const piece = (args: string): JsonObject => call({ index: 0, id: 'a', function: { name: 'f', arguments: args } });
  const custom = call({ index: 0, id: 'a', type: 'custom', custom: { name: 'c', input: 'ls {' } });
  it.each<[string, readonly JsonObject[], string]>([
    ['a text', [chunk({ content: 'a' })], 'stop'],
    ['a thought', [chunk({ reasoning_content: 'a' })], 'stop'],
    ['a refusal', [chunk({ refusal: 'a' })], 'stop'],
    ['a call', [piece('{"x":'), piece('1}')], 'tool_calls'],
    ['a call without input', [piece('')], 'tool_calls'],
    ['a call of a custom tool', [custom], 'tool_calls'],
    ['a text and its usage', [chunk({ content: 'a' }), { choices: [], usage: { prompt_tokens: 1 } }], 'stop'],
    ['another reason', [chunk({ content: 'a' }), end('length')], 'length'],
  ])('is told by [DONE] if no reason is, after %s', (_what, chunks, reason) => {
    expect(accumulate(decode([...chunks, '[DONE]'])).finish).toEqual({ reason, stopSequence: null });
    if (reason !== 'length') expect(errorOf(decode(chunks))?.message).toMatch(/before its answer was complete/);
  });

  it.each<[string, readonly JsonObject[]]>([
    ['a call that was cut', [piece('{"x":')]],
    [
      'a call that was cut after another',
      [piece('{}'), call({ index: 1, id: 'b', function: { name: 'g', arguments: '{' } })],
    ],
    ['a call whose input is no object', [piece('x')]],
    ['nothing but a role', [chunk({ role: 'assistant', content: '' })]],
    ['nothing but usage', [{ choices: [], usage: { prompt_tokens: 1 } }]],
    ['nothing', []],
  ])('is an error even with [DONE] after %s', (_what, chunks) =>
    expect(errorOf(decode([...chunks, '[DONE]']))?.message).toMatch(/before its answer was complete/),
  );

  it('is an error for a reason that is not known in the middle of a call, and else an end like others', () => {
    const text = chunk({ content: 'a' });
    expect(errorOf(decode([text, piece('{"x":'), end('odd')]))?.message).toMatch(/in the middle of a tool call/);
    expect(accumulate(decode([text, piece('{"x":1}'), end('odd')])).finish.reason).toBe('tool_calls');
    expect(accumulate(decode([text, end('odd')])).finish.reason).toBe('stop');
    for (const reason of ['length', 'tool_calls'])
      expect(accumulate(decode([text, piece('{"x":'), end(reason)])).finish.reason).toBe(reason);
  });

  it.each<[string, JsonObject, JsonObject]>([
    [
      "is not Azure's first chunk, on filters",
      { id: '', object: '', created: 0, model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
      { id: 'chatcmpl-1', model: 'm', createdAt: 5 },
    ],
    [
      'is a first chunk that has a model and no choice',
      { id: 'first', object: 'chat.completion.chunk', created: 3, model: 'n', choices: [] },
      { id: 'first', model: 'n', createdAt: 3 },
    ],
    [
      'is a first chunk without a model',
      { choices: [{ index: 0, delta: {} }] },
      { id: '', model: '', createdAt: null },
    ],
  ])('knows the start, which %s', (_what, first, started) => {
    const [start, ...others] = decode([first, chunk({ content: 'a' }), end()]);
    expect(start).toEqual({ type: 'start', ...started });
    expect(others.some(({ type }) => type === 'start')).toBe(false);
  });

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

/** One piece of an answer on its way, in the order of its own part. */
interface Track {
  readonly pieces: readonly JsonObject[];
}

/** Answers as a server may stream them: parts cut and mixed, numbers and ids left out, ids repeated. */
const upstreams = fc
  .record({
    thought: fc.option(words, { nil: null }),
    text: fc.option(words, { nil: null }),
    refusal: fc.option(words, { nil: null, freq: 4 }),
    calls: fc.array(fc.record({ name: names, input: objects }), { maxLength: 3 }),
    numbered: fc.boolean(),
    repeatsIds: fc.boolean(),
    beginsEmpty: fc.boolean(),
    field: fc.constantFrom('reasoning_content', 'reasoning'),
    reason: fc.constantFrom('stop', 'length'),
    mixed: fc.boolean(),
  })
  .chain((answer) => {
    const { thought, text, refusal, calls, field } = answer;
    const tracks: fc.Arbitrary<Track>[] = [
      track(thought, (piece) => ({ [field]: piece })),
      track(text, (content) => ({ content })),
      track(refusal, (piece) => ({ refusal: piece })),
      ...calls.map((each, at) => callTrack(each, at, answer)),
    ];
    return fc.tuple(fc.tuple(...tracks), fc.infiniteStream(fc.nat(20))).map(([all, order]) => ({
      chunks: [...mixedDeltas(all, order, answer.mixed).map((d) => chunk(d)), end(answer.reason)],
      plain: plainOf(answer),
    }));
  });

interface Upstream {
  readonly thought: string | null;
  readonly text: string | null;
  readonly refusal: string | null;
  readonly calls: readonly { readonly name: string; readonly input: JsonObject }[];
  readonly numbered: boolean;
  readonly repeatsIds: boolean;
  /** Whether each call begins with an empty object, which its input takes the place of. */
  readonly beginsEmpty: boolean;
  readonly field: string;
  readonly reason: string;
}

function track(text: string | null, delta: (piece: string) => JsonObject): fc.Arbitrary<Track> {
  return cutsOf(text ?? '').map((cuts) => ({ pieces: cuts.map(delta) }));
}

function callTrack(
  { name, input }: Upstream['calls'][number],
  at: number,
  { numbered, repeatsIds, beginsEmpty }: Upstream,
): fc.Arbitrary<Track> {
  const id = `call_${at}`;
  const index = numbered ? { index: at } : {};
  const empty = beginsEmpty ? '{}' : '';
  return cutsOf(JSON.stringify(input)).map((cuts) => ({
    pieces: [
      { tool_calls: [{ ...index, id, type: 'function', function: { name, arguments: empty } }] },
      // Without numbers only ids tell calls apart.
      ...cuts.map((piece) => ({
        tool_calls: [{ ...index, ...(repeatsIds || !numbered ? { id } : {}), function: { arguments: piece } }],
      })),
    ],
  }));
}

/** The deltas of all parts: one part after the other, or mixed, where only calls keep the order of their beginnings. */
function mixedDeltas(tracks: readonly Track[], order: Iterator<number>, mixed: boolean): readonly JsonObject[] {
  if (!mixed) return tracks.flatMap(({ pieces }) => pieces);
  const texts = tracks.slice(0, 3).map(({ pieces }) => [...pieces]);
  const calls = tracks.slice(3).map(({ pieces }) => [...pieces]);
  const begun: JsonObject[][] = [];
  const deltas: JsonObject[] = [];
  for (;;) {
    const next = calls[0];
    const open = [...texts, ...begun, ...(next === undefined ? [] : [next])].filter((pieces) => pieces.length > 0);
    if (open.length === 0) return deltas;
    const chosen = open[Number(order.next().value) % open.length] as JsonObject[];
    if (chosen === next) begun.push(calls.shift() as JsonObject[]);
    deltas.push(chosen.shift() as JsonObject);
  }
}

function plainOf({ thought, text, refusal, calls, field, reason }: Upstream): JsonObject {
  const message = {
    role: 'assistant',
    content: text,
    refusal,
    [field]: thought,
    tool_calls: calls.map(({ name, input }, at) => ({
      id: `call_${at}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(input) },
    })),
  };
  return { id: 'chatcmpl-1', created: 5, model: 'm', choices: [{ index: 0, message, finish_reason: reason }] };
}

const anyText = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('{', '}', '{}', '{"a":1}', '', null, 3));
const anyCall = fc.record(
  {
    index: fc.oneof(fc.nat(2), fc.constant(null)),
    id: fc.constantFrom('', 'a', 'b', null),
    type: fc.constantFrom('function', 'custom', 5),
    function: fc.record({ name: fc.constantFrom('f', 'g', '', null), arguments: anyText }, { requiredKeys: [] }),
    custom: fc.record({ name: fc.constantFrom('f', ''), input: anyText }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const anyDelta = fc.record(
  {
    role: fc.constant('assistant'),
    content: fc.oneof(anyText, fc.array(fc.record({ type: fc.constantFrom('text', 'thinking', 'x'), text: anyText }))),
    reasoning_content: anyText,
    reasoning: anyText,
    refusal: anyText,
    tool_calls: fc.oneof(fc.array(anyCall, { maxLength: 3 }), fc.constant(null)),
    function_call: fc.oneof(fc.constant(null), fc.record({ name: fc.constant('f'), arguments: anyText })),
    annotations: fc.array(
      fc.record({ type: fc.constant('url_citation'), url_citation: fc.record({ url: fc.constantFrom('u', null) }) }),
      { maxLength: 1 },
    ),
    reasoning_details: fc.array(
      fc.record({ type: anyText, index: fc.nat(1), text: anyText, signature: anyText, data: anyText, format: anyText }),
      { maxLength: 2 },
    ),
    thinking_blocks: fc.array(
      fc.record({
        type: fc.constantFrom('thinking', 'redacted_thinking'),
        thinking: anyText,
        signature: anyText,
        data: anyText,
      }),
      { maxLength: 1 },
    ),
  },
  { requiredKeys: [] },
);
const anyChunk: fc.Arbitrary<JsonObject> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(anyDelta, fc.constantFrom(null, null, null, 'stop', 'tool_calls', '', 'error'))
      .map(([delta, reason]) => chunk(delta, { finish_reason: reason })),
  },
  { weight: 1, arbitrary: fc.object() as fc.Arbitrary<JsonObject> },
);
