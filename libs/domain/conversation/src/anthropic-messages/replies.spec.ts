import { NO_DETAILS } from '@tollgate/usage';
import { describe, expect, it } from 'vitest';
import type { Answer, AnswerPart, Citation, Finish } from '../answer.js';
import { packSeal } from '../foreign-seal.js';
import type { JsonObject, ReplyContext } from '../dialect-codec.js';
import { SAME_NAMES, toolNames } from '../names.js';
import { readReply } from './read-reply.js';
import { writeReply } from './write-reply.js';

const MESSAGE: JsonObject = {
  id: 'msg_01',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-4-6',
  content: [{ type: 'text', text: 'hi' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 5 },
};
const ANSWER: Answer = {
  id: 'chatcmpl-1',
  model: 'gpt-5.5',
  createdAt: 1_790_000_000,
  parts: [{ kind: 'text', text: 'hi', citations: [] }],
  finish: { reason: 'stop', stopSequence: null },
  usage: { inputTokens: 3, outputTokens: 5, cachedInputTokens: 0, reasoningTokens: 0 },
};
const context: ReplyContext = {
  model: 'gpt',
  requestId: '0199',
  nowSeconds: 1_800_000_000,
  showUsage: true,
  request: {},
};
const CALL = { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } };
const FUNCTION: AnswerPart = { kind: 'tool_call', id: 'call_1', name: 'f', input: '{"a":1}', custom: false };

function read(fields: JsonObject): Answer {
  const answer = readReply({ ...MESSAGE, ...fields }, SAME_NAMES);
  if (answer === null) throw new Error('it is no answer');
  return answer;
}

const write = (fields: Partial<Answer>): JsonObject => writeReply({ ...ANSWER, ...fields }, context);

describe('a reply of Claude as an answer', () => {
  it('has its parts in their order', () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 'EqQB' },
      { type: 'redacted_thinking', data: 'EmwK' },
      { type: 'text', text: 'hi', citations: null },
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} },
      { type: 'from the future', text: 'x' },
      { type: 'text', text: '' },
      CALL,
      { type: 'tool_use', id: 'toolu_2', name: 'g', input: {} },
    ];
    expect(read({ content, stop_reason: 'tool_use' })).toEqual({
      id: 'msg_01',
      model: 'claude-opus-4-6',
      createdAt: null,
      parts: [
        { kind: 'thinking', text: 'hm', sealed: { maker: 'anthropic', kind: 'signature', data: 'EqQB' } },
        { kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'redacted', data: 'EmwK' } },
        { kind: 'text', text: 'hi', citations: [] },
        { kind: 'tool_call', id: 'toolu_1', name: 'f', input: '{"a":1}', custom: false },
        { kind: 'tool_call', id: 'toolu_2', name: 'g', input: '{}', custom: false },
      ],
      finish: { reason: 'tool_calls', stopSequence: null },
      usage: { inputTokens: 3, outputTokens: 5, cachedInputTokens: 0, reasoningTokens: 0 },
    });
  });

  it("has the caller's names of tools, and custom tools with their text", () => {
    const long = 'x'.repeat(200);
    const names = toolNames(
      [
        { name: long, custom: false },
        { name: 'patch', custom: true },
      ],
      { refused: /[^a-z0-9_]/g, lengthMax: 64 },
    );
    const content = [
      { ...CALL, name: names.sent(long) },
      { ...CALL, name: 'patch', input: { input: '*** Begin' } },
    ];
    expect(readReply({ ...MESSAGE, content }, names)?.parts).toMatchObject([
      { name: long, input: '{"a":1}', custom: false },
      { name: 'patch', input: '*** Begin', custom: true },
    ]);
  });

  it.each<[reason: unknown, content: readonly unknown[], finish: Finish['reason']]>([
    ['end_turn', [], 'stop'],
    ['max_tokens', [CALL], 'length'],
    ['model_context_window_exceeded', [], 'length'],
    ['tool_use', [CALL], 'tool_calls'],
    ['refusal', [], 'content_filter'],
    ['end_turn', [CALL], 'tool_calls'],
    ['from_the_future', [CALL], 'tool_calls'],
    ['from_the_future', [], 'stop'],
    [null, [CALL], 'tool_calls'],
  ])('ends by %s as its parts %j demand', (reason, content, finish) => {
    expect(read({ stop_reason: reason, content }).finish).toEqual({ reason: finish, stopSequence: null });
  });

  it('tells the stop sequence that ended it', () => {
    const finish = { reason: 'stop', stopSequence: 'END' };
    expect(read({ stop_reason: 'stop_sequence', stop_sequence: 'END' }).finish).toEqual(finish);
  });

  it('says why Claude refused', () => {
    const details = { type: 'refusal', category: 'cyber', explanation: 'It may do harm.' };
    const { parts, finish } = read({ content: [], stop_reason: 'refusal', stop_details: details });
    expect(parts).toEqual([{ kind: 'refusal', text: 'It may do harm.' }]);
    expect(finish.reason).toBe('content_filter');
  });

  it('is none if Claude has paused or failed, or if it is another document', () => {
    const documents = [
      { ...MESSAGE, stop_reason: 'pause_turn' },
      { ...MESSAGE, stop_reason: 'error' },
      { ...MESSAGE, content: [{ type: 'tool_use', id: 'a', input: {} }] },
      { ...MESSAGE, content: 'hi' },
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      { object: 'chat.completion', choices: [] },
      {},
    ];
    for (const document of documents) expect(readReply(document, SAME_NAMES)).toBeNull();
  });

  it.each<[JsonObject, Partial<Citation>]>([
    [
      { type: 'char_location', cited_text: 'Once.', document_index: 0, document_title: 'A' },
      { url: null, title: 'A', quoted: 'Once.' },
    ],
    [
      {
        type: 'web_search_result_location',
        url: 'https://example.com',
        title: 'B',
        cited_text: 'Twice.',
        encrypted_index: 'E',
      },
      { url: 'https://example.com', title: 'B', quoted: 'Twice.' },
    ],
    [
      { type: 'search_result_location', source: 'https://example.com/c', title: null, cited_text: '' },
      { url: 'https://example.com/c', title: null, quoted: null },
    ],
  ])('keeps the citation %j', (citation, expected) => {
    const [part] = read({ content: [{ type: 'text', text: 'hi', citations: [citation] }] }).parts;
    expect(part).toMatchObject({ citations: [{ ...expected, original: citation }] });
  });

  it('counts what was read from caches and written to them as input', () => {
    const usage = {
      input_tokens: 3,
      cache_creation_input_tokens: 5_000,
      cache_read_input_tokens: 200,
      cache_creation: { ephemeral_5m_input_tokens: 500, ephemeral_1h_input_tokens: 4_000 },
      output_tokens: 12,
      output_tokens_details: { thinking_tokens: 7 },
    };
    expect(read({ usage }).usage).toEqual({
      inputTokens: 5_203,
      outputTokens: 12,
      cachedInputTokens: 200,
      reasoningTokens: 7,
      details: { ...NO_DETAILS, cacheWrite5mTokens: 1_000, cacheWrite1hTokens: 4_000 },
    });
    expect(read({ usage: undefined }).usage).toBeNull();
  });
});

describe('an answer as a reply of Anthropic', () => {
  it('is a message with an id that no other maker gave', () => {
    expect(write({})).toEqual({
      id: 'msg_0199',
      type: 'message',
      role: 'assistant',
      model: 'gpt-5.5',
      content: [{ type: 'text', text: 'hi' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: {
        input_tokens: 3,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
        output_tokens: 5,
        output_tokens_details: { thinking_tokens: 0 },
      },
    });
    expect(write({ id: 'msg_01', model: '' })).toMatchObject({ id: 'msg_01', model: 'gpt' });
  });

  it.each<[Finish, readonly AnswerPart[], JsonObject]>([
    [{ reason: 'stop', stopSequence: 'END' }, [], { stop_reason: 'stop_sequence', stop_sequence: 'END' }],
    [{ reason: 'length', stopSequence: null }, [FUNCTION], { stop_reason: 'max_tokens' }],
    [{ reason: 'tool_calls', stopSequence: null }, [FUNCTION], { stop_reason: 'tool_use' }],
    [{ reason: 'stop', stopSequence: null }, [FUNCTION], { stop_reason: 'tool_use' }],
    [{ reason: 'tool_calls', stopSequence: null }, [], { stop_reason: 'end_turn' }],
    [
      { reason: 'content_filter', stopSequence: null },
      [],
      { stop_reason: 'refusal', stop_details: { type: 'refusal' } },
    ],
    [
      { reason: 'stop', stopSequence: null },
      [{ kind: 'refusal', text: 'I will not.' }],
      { stop_reason: 'refusal', content: [{ type: 'text', text: 'I will not.' }] },
    ],
  ])('ends for %j with %j', (finish, parts, expected) => {
    expect(write({ finish, parts })).toMatchObject(expected);
  });

  it('marks the thoughts of other makers', () => {
    const parts: AnswerPart[] = [
      { kind: 'thinking', text: 'hm', sealed: null },
      { kind: 'thinking', text: 'so', sealed: { maker: 'openai', kind: 'encrypted', data: 'gAAA', id: 'rs_1' } },
      { kind: 'thinking', text: '', sealed: null },
    ];
    expect(write({ parts })['content']).toEqual([
      { type: 'thinking', thinking: 'hm', signature: 'tg1.anothers_thought.unsealed' },
      {
        type: 'thinking',
        thinking: 'so',
        signature: packSeal({ maker: 'openai', kind: 'encrypted', data: 'gAAA', id: 'rs_1' }),
      },
    ]);
  });

  it('gives calls an id that Claude would take, and the same each time', () => {
    const parts = ['functions.Bash:0', 'functions.Bash:1', 'call_1'].map(
      (id): AnswerPart => ({ ...FUNCTION, id }) as AnswerPart,
    );
    const ids = (write({ parts })['content'] as JsonObject[]).map(({ id }) => String(id));
    expect(ids[2]).toBe('call_1');
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/);
    expect((write({ parts })['content'] as JsonObject[]).map(({ id }) => id)).toEqual(ids);
  });

  it.each([
    ['', {}],
    ['{}', {}],
    ['{"a":1}', { a: 1 }],
    ['{"a":', { input: '{"a":' }],
    ['[1]', { input: '[1]' }],
  ])('has an object for the arguments %j', (input, expected) => {
    const parts = [{ ...FUNCTION, input } as AnswerPart];
    expect(write({ parts })['content']).toEqual([{ type: 'tool_use', id: 'call_1', name: 'f', input: expected }]);
  });

  it('cites addresses, and gives its own citations back as they were', () => {
    const citation = {
      url: 'https://example.com',
      title: 'B',
      quoted: null,
      start: 0,
      end: 2,
      original: { type: 'url_citation' },
    };
    const own = {
      type: 'page_location',
      cited_text: 'Once.',
      document_index: 0,
      start_page_number: 1,
      end_page_number: 2,
    };
    const citations = [citation, { ...citation, url: null, original: own }, { ...citation, url: null, original: {} }];
    expect(write({ parts: [{ kind: 'text', text: 'hi', citations }] })['content']).toEqual([
      {
        type: 'text',
        text: 'hi',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://example.com',
            title: 'B',
            cited_text: '',
            encrypted_index: '',
          },
          own,
        ],
      },
    ]);
  });

  it('tells cached and written input beside the rest of it', () => {
    const usage = {
      inputTokens: 12_307,
      outputTokens: 40,
      cachedInputTokens: 300,
      reasoningTokens: 30,
      details: { ...NO_DETAILS, cacheWrite5mTokens: 4, cacheWrite1hTokens: 12_000 },
    };
    expect(write({ usage })['usage']).toEqual({
      input_tokens: 3,
      cache_creation_input_tokens: 12_004,
      cache_read_input_tokens: 300,
      cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 12_000 },
      output_tokens: 40,
      output_tokens_details: { thinking_tokens: 30 },
    });
    expect(writeReply({ ...ANSWER, usage: null }, { ...context, inputTokensCounted: 9 })['usage']).toMatchObject({
      input_tokens: 9,
      output_tokens: 0,
    });
  });
});
