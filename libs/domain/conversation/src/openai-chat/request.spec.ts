import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Conversation, Turn } from '../conversation.js';
import type { JsonObject, WriteContext } from '../dialect-codec.js';
import { WRITE_CONTEXT } from '../testing/contexts.js';
import { conversations } from '../testing/conversations.js';
import type { CarriedTurns } from '../testing/turns.js';
import { readRequest } from './read-request.js';
import { writeRequest } from './write-request.js';

const CARRIED: CarriedTurns = {
  systemAnywhere: true,
  images: true,
  imageDetail: true,
  documents: ['data'],
  namedDocuments: true,
  documentCitations: false,
  audio: true,
  cacheMarks: false,
  customTools: true,
  resultImages: false,
  resultErrors: false,
  refusals: true,
  thoughts: 'text',
};
const PNG = 'iVBORw0KGgoAAAANSUhEUg==';

const read = (body: JsonObject): Conversation => {
  const conversation = readRequest({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body });
  if ('kind' in conversation) throw new Error(`${conversation.param}: ${conversation.message}`);
  return conversation;
};
const write = (conversation: Conversation, context: Partial<WriteContext> = {}): JsonObject => {
  const written = writeRequest(conversation, { ...WRITE_CONTEXT, ...context });
  if (written.kind === 'fault') throw new Error(`${written.param}: ${written.message}`);
  return written.body;
};
const faultOf = (body: JsonObject): string | null => {
  const conversation = readRequest({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body });
  return 'kind' in conversation ? conversation.param : null;
};
const turnsOf = (...messages: JsonObject[]): readonly Turn[] => read({ messages }).turns;

describe('a request of chat', () => {
  it('comes back as it was, for all that chat carries', () =>
    fc.assert(
      fc.property(conversations('openai-chat', CARRIED, { topLogprobs: fc.constant(null) }), (conversation) => {
        expect(readRequest(write(conversation))).toEqual(conversation);
      }),
    ));

  it('says the same when content is a string and when it is a list of one text (T3)', () => {
    const text = [{ type: 'text', text: 'hi' }];
    for (const role of ['system', 'developer', 'user'])
      expect(turnsOf({ role, content: text })).toEqual(turnsOf({ role, content: 'hi' }));
    const call = { id: '1', type: 'function', function: { name: 'f', arguments: '{}' } };
    expect(turnsOf({ role: 'assistant', content: text, tool_calls: [call] })).toEqual([
      {
        role: 'assistant',
        parts: [
          { kind: 'text', text: 'hi' },
          { kind: 'tool_call', id: '1', name: 'f', input: '{}', custom: false },
        ],
      },
    ]);
  });

  it('leaves out empty texts, which others refuse (S7)', () => {
    const text = (...texts: string[]) => texts.map((each) => ({ type: 'text', text: each }));
    expect(turnsOf({ role: 'system', content: '' }, { role: 'user', content: text('', 'a', '') })).toEqual([
      { role: 'user', parts: [{ kind: 'text', text: 'a' }] },
    ]);
    expect(faultOf({ messages: [{ role: 'user', content: '' }] })).toBe('messages');
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, '{}'],
    ['an empty string', '', '{}'],
    ['null', null, '{}'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['JSON of an object', '{ "a": 1 }', '{ "a": 1 }'],
  ])('takes %s as the arguments of a call (T6)', (_what, args, expected) => {
    const call = {
      id: '1',
      type: 'function',
      function: { name: 'f', ...(args === undefined ? {} : { arguments: args }) },
    };
    expect(turnsOf({ role: 'assistant', tool_calls: [call] })).toMatchObject([{ parts: [{ input: expected }] }]);
  });

  it.each<[string, unknown, unknown]>([
    ['a word', 'auto', { kind: 'auto' }],
    ['a word', 'none', { kind: 'none' }],
    ['a word', 'required', { kind: 'required' }],
    ["Mistral's word", 'any', { kind: 'required' }],
    ['a word as a type', { type: 'auto' }, { kind: 'auto' }],
    ['a function', { type: 'function', function: { name: 'f' } }, { kind: 'tool', name: 'f' }],
    ['a function without an object around it', { type: 'function', name: 'f' }, { kind: 'tool', name: 'f' }],
    ['a custom tool', { type: 'custom', custom: { name: 'c' } }, { kind: 'tool', name: 'c' }],
    ["Anthropic's form", { type: 'tool', name: 'f' }, { kind: 'tool', name: 'f' }],
  ])('reads the choice of tools as %s (T7): %j', (_what, choice, expected) => {
    const tools = [
      { type: 'function', function: { name: 'f' } },
      { type: 'custom', custom: { name: 'c' } },
    ];
    expect(read({ tools, tool_choice: choice }).toolChoice).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['chat', { allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'f' } }] } }],
    ['Responses', { mode: 'required', tools: [{ type: 'function', name: 'f' }] }],
  ])('declares the allowed tools alone, as %s lists them', (_what, allowed) => {
    const tools = [
      { type: 'function', function: { name: 'f' } },
      { type: 'custom', custom: { name: 'c' } },
    ];
    const { tools: declared, toolChoice } = read({
      tools,
      tool_choice: { type: 'allowed_tools', ...(allowed as object) },
    });
    expect([declared.map(({ name }) => name), toolChoice]).toEqual([['f'], { kind: 'required' }]);
  });

  it('reads names for thinking, ceilings and users that others have', () => {
    expect(read({ max_tokens: 500, max_completion_tokens: 800 }).outputTokensMax).toBe(500);
    expect(read({ user: 'a', safety_identifier: 'b' }).user).toBe('b');
    expect(read({ reasoning: { effort: 'high', exclude: true } }).reasoning).toEqual({
      effort: 'high',
      budgetTokens: null,
      summary: 'omitted',
    });
    expect(read({ reasoning: { max_tokens: 2000 } }).reasoning?.budgetTokens).toBe(2000);
    expect(read({ reasoning: { enabled: false } }).reasoning?.effort).toBe('none');
    expect(read({ stop: '\n' }).stop).toEqual(['\n']);
  });

  it.each([
    [{ include_reasoning: false }, null],
    [{ include_reasoning: true }, null],
    [{ reasoning: { exclude: true } }, null],
    [{ reasoning: { exclude: true, summary: 'auto' } }, null],
    [{ reasoning: {} }, null],
    [{ reasoning: { summary: 'auto' } }, { effort: null, budgetTokens: null, summary: 'auto' }],
    [{ reasoning: { enabled: true } }, { effort: 'medium', budgetTokens: null, summary: null }],
    [{ reasoning: { enabled: true, exclude: true } }, { effort: 'medium', budgetTokens: null, summary: 'omitted' }],
    [{ reasoning: { enabled: true, max_tokens: 2000 } }, { effort: null, budgetTokens: 2000, summary: null }],
    [{ thinking: { type: 'disabled' } }, { effort: 'none', budgetTokens: null, summary: null }],
    [{ thinking: { type: 'enabled' } }, { effort: 'medium', budgetTokens: null, summary: null }],
    [{ thinking: { type: 'adaptive' } }, { effort: 'medium', budgetTokens: null, summary: null }],
    [{ thinking: { type: 'enabled', budget_tokens: 2000 } }, { effort: null, budgetTokens: 2000, summary: null }],
    [
      { thinking: { type: 'enabled' }, reasoning_effort: 'high' },
      { effort: 'high', budgetTokens: null, summary: null },
    ],
    [
      { include_reasoning: false, reasoning_effort: 'low' },
      { effort: 'low', budgetTokens: null, summary: 'omitted' },
    ],
  ])('takes a wish to hide thoughts for no wish to think: %j', (asked, reasoning) => {
    expect(read(asked).reasoning).toEqual(reasoning);
  });

  it.each([
    [{ logprobs: true }, 0],
    [{ logprobs: true, top_logprobs: 3 }, 3],
    [{ logprobs: false, top_logprobs: 0 }, null],
  ])('reads that the probabilities of tokens are asked for by %j', (body, expected) =>
    expect(read(body).topLogprobs).toBe(expected),
  );

  it('says nothing of a value that is the default everywhere (S6)', () => {
    expect(
      read({ top_p: 1, frequency_penalty: 0, presence_penalty: 0, logit_bias: {}, n: 1, logprobs: false }),
    ).toEqual(read({}));
  });

  it('keeps the marks for caches that clients send for Claude (S3)', () => {
    const mark = { type: 'ephemeral', ttl: '1h' };
    const tools = [{ type: 'function', function: { name: 'f' }, cache_control: { type: 'ephemeral' } }];
    const messages = [
      { role: 'system', content: [{ type: 'text', text: 'a', cache_control: mark }] },
      { role: 'user', content: 'b', cache_control: mark },
    ];
    expect(read({ messages, tools })).toMatchObject({
      turns: [{ parts: [{ cache: { ttl: '1h' } }] }, { parts: [{ cache: { ttl: '1h' } }] }],
      tools: [{ cache: { ttl: '5m' } }],
    });
  });

  it('labels an image by its first bytes (S8)', () => {
    const image = (url: string) => turnsOf({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] });
    for (const label of ['image/jpg', 'image/jpeg', 'image/svg+xml', ''])
      expect(image(`data:${label};base64,${PNG}`)).toMatchObject([{ parts: [{ source: { mediaType: 'image/png' } }] }]);
    expect(image('https://example.com/a')).toMatchObject([{ parts: [{ source: { kind: 'url' } }] }]);
    const labelled = { url: `data:image/jpeg;base64,${PNG}`, format: 'image/jpeg' };
    expect(turnsOf({ role: 'user', content: [{ type: 'image_url', image_url: labelled }] })).toMatchObject([
      { parts: [{ source: { mediaType: 'image/png' } }] },
    ]);
  });

  it.each([
    [
      'a list',
      [
        { type: 'text', text: 'h' },
        { type: 'text', text: 'm' },
      ],
    ],
    ['a string', 'hm'],
  ])("reads Mistral's thoughts of before, which are parts: %s", (_form, thinking) => {
    const content = [
      { type: 'thinking', thinking, closed: true },
      { type: 'text', text: 'a' },
    ];
    expect(turnsOf({ role: 'assistant', content })).toEqual([
      {
        role: 'assistant',
        parts: [
          { kind: 'thinking', text: 'hm', sealed: null },
          { kind: 'text', text: 'a' },
        ],
      },
    ]);
  });

  it('keeps thoughts of before, with their seals if they have some (S4)', () => {
    const parts = (message: JsonObject) => turnsOf({ role: 'assistant', content: 'a', ...message })[0];
    expect(parts({ reasoning_content: 'hm' })).toMatchObject({ parts: [{ text: 'hm', sealed: null }, {}] });
    expect(parts({ reasoning: 'hm' })).toMatchObject({ parts: [{ text: 'hm', sealed: null }, {}] });
    expect(
      parts({
        reasoning_content: 'hm',
        thinking_blocks: [
          { type: 'thinking', thinking: 'hm', signature: 's' },
          { type: 'redacted_thinking', data: 'd' },
        ],
      }),
    ).toMatchObject({
      parts: [
        { text: 'hm', sealed: { maker: 'anthropic', kind: 'signature', data: 's' } },
        { text: '', sealed: { maker: 'anthropic', kind: 'redacted', data: 'd' } },
        { text: 'a' },
      ],
    });
    expect(
      parts({
        reasoning_details: [
          { type: 'reasoning.text', text: 'hm', signature: 's', format: 'anthropic-claude-v1' },
          { type: 'reasoning.encrypted', data: 'd', id: 'rs_1', format: 'openai-responses-v1' },
        ],
      }),
    ).toMatchObject({
      parts: [
        { text: 'hm', sealed: { maker: 'anthropic', data: 's' } },
        { text: '', sealed: { maker: 'openai', kind: 'encrypted', data: 'd', id: 'rs_1' } },
        {},
      ],
    });
  });

  const choiceAmong = (allowed: unknown): JsonObject => ({
    tools: [{ type: 'function', function: { name: 'f' } }],
    tool_choice: { type: 'allowed_tools', allowed_tools: allowed },
  });
  const user = (part: JsonObject): JsonObject => ({ messages: [{ role: 'user', content: [part] }] });
  it.each<[string, JsonObject]>([
    ['n', { n: 2 }],
    ['audio', { audio: { voice: 'alloy', format: 'wav' } }],
    ['modalities', { modalities: ['text', 'audio'] }],
    ['prediction', { prediction: { type: 'content', content: 'a' } }],
    ['functions', { functions: [{ name: 'f' }] }],
    ['function_call', { function_call: 'auto' }],
    ['web_search_options', { web_search_options: {} }],
    ['moderation', { moderation: { model: 'm' } }],
    ['models', { models: ['a', 'b'] }],
    ['top_k', { top_k: 4 }],
    ['nobody_knows_this', { nobody_knows_this: 0 }],
    ['top_logprobs', { top_logprobs: 3 }],
    ['temperature', { temperature: '1' }],
    ['stop', { stop: [1] }],
    ['stop', { stop: 1 }],
    ['metadata', { metadata: { a: 1 } }],
    ['response_format.type', { response_format: { type: 'grammar' } }],
    ['reasoning.effect', { reasoning: { effect: 1 } }],
    ['thinking.type', { thinking: { type: 'always' } }],
    ['thinking.display', { thinking: { type: 'enabled', display: 'omitted' } }],
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice', { tool_choice: { type: 'function', function: { name: 'g' } } }],
    ['tool_choice.allowed_tools.tools', choiceAmong({ mode: 'auto', tools: [] })],
    ['tool_choice.allowed_tools.tools', choiceAmong({ mode: 'auto', tools: [{ type: 'function', name: 'g' }] })],
    ['tool_choice.allowed_tools.tools', choiceAmong({ mode: 'required', tools: ['f'] })],
    ['tool_choice.allowed_tools.mode', choiceAmong({ mode: 'none', tools: [{ type: 'function', name: 'f' }] })],
    ['tool_choice.allowed_tools.mode', choiceAmong(3)],
    ['tool_choice.mode', { tool_choice: { type: 'allowed_tools' } }],
    ['tools[0].function.name', { tools: [{ type: 'function', function: {} }] }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'hi' }],
    ['messages[0]', { messages: ['hi'] }],
    ['messages[0].role', { messages: [{ role: 'function', content: 'a' }] }],
    ['messages[0].role', { messages: [{ content: 'a' }] }],
    ['messages[0].weight', { messages: [{ role: 'user', content: 'a', weight: 1 }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: 5 }] }],
    ['messages[0].content[0].type', user({ type: 'video_url', video_url: { url: 'https://example.com' } })],
    ['messages[0].content[0].text', user({ type: 'text', text: 1 })],
    ['messages[0].content[0].image_url.url', user({ type: 'image_url', image_url: { url: 'file:///etc/passwd' } })],
    [
      'messages[0].content[0].image_url.url',
      user({ type: 'image_url', image_url: { url: 'data:image/svg+xml;base64,PHN2Zz4=' } }),
    ],
    ['messages[0].content[0].file.file_id', user({ type: 'file', file: { file_id: 'file-1' } })],
    [
      'messages[0].content[0].file.file_data',
      user({ type: 'file', file: { file_data: 'data:application/zip;base64,UEs=' } }),
    ],
    ['messages[0].tool_call_id', { messages: [{ role: 'tool', tool_call_id: '1', content: 'a' }] }],
    ['messages[0].function_call', { messages: [{ role: 'assistant', function_call: { name: 'f', arguments: '{}' } }] }],
    ['messages[0].audio', { messages: [{ role: 'assistant', audio: { id: 'a' } }] }],
    ...['[1]', 'nonsense', '"text"', '3'].map((args): [string, JsonObject] => [
      'messages[0].tool_calls[0].function.arguments',
      { messages: [{ role: 'assistant', tool_calls: [{ id: '1', function: { name: 'f', arguments: args } }] }] },
    ]),
  ])('names %s, which cannot be carried', (param, body) => expect(faultOf(body)).toBe(param));
});

it('names a field of any length in few words', () =>
  expect(faultOf({ ['x'.repeat(100_000)]: 1 })).toBe('x'.repeat(256)));

describe('a request to a model behind chat', () => {
  const call = (id: string) => ({ kind: 'tool_call' as const, id, name: 'f', input: '{}', custom: false });
  const image = {
    kind: 'image' as const,
    source: { kind: 'data' as const, mediaType: 'image/png', base64: PNG },
    detail: null,
  };

  it('has all results before the images of any, each named by its call (T1, T2)', () => {
    const turns: Turn[] = [
      { role: 'assistant', parts: [call('1'), call('2')] },
      { role: 'user', parts: [{ kind: 'text', text: 'look' }] },
      { role: 'tool', results: [{ callId: '2', parts: [image], isError: false, custom: false }] },
      {
        role: 'tool',
        results: [{ callId: '1', parts: [{ kind: 'text', text: 'a' }, image], isError: true, custom: false }],
      },
    ];
    expect(write({ ...read({}), turns })['messages']).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: ['1', '2'].map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
      },
      { role: 'tool', tool_call_id: '1', content: 'The tool failed: a' },
      { role: 'tool', tool_call_id: '2', content: 'The result follows in the next message.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'This belongs to the result of the tool call 1:' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
          { type: 'text', text: 'This belongs to the result of the tool call 2:' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
        ],
      },
      { role: 'user', content: 'look' },
    ]);
  });

  it('keeps instructions where they stand, under the role that every server knows (S1)', () => {
    const messages = [
      { role: 'developer', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'system', content: 'c' },
    ];
    expect(write(read({ messages }))['messages']).toEqual([
      { role: 'system', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'system', content: 'c' },
    ]);
  });

  it('has functions for custom tools where the provider knows only functions, and gives their names back (T5, T8)', () => {
    const name = `${'apply_patch_'.repeat(6)}v2`;
    const written = writeRequest(
      {
        ...read({}),
        tools: [
          {
            kind: 'custom',
            name,
            description: 'Patches.',
            format: { type: 'grammar', syntax: 'lark', definition: 'start: /a/' },
          },
          { kind: 'builtin', type: 'web_search', name: 'web_search', definition: {} },
        ],
        turns: [
          { role: 'user', parts: [{ kind: 'text', text: 'a' }] },
          { role: 'assistant', parts: [{ kind: 'tool_call', id: '1', name, input: '*** "a"', custom: true }] },
          { role: 'tool', results: [{ callId: '1', parts: [], isError: false, custom: true }] },
        ],
        toolChoice: { kind: 'tool', name },
      },
      { ...WRITE_CONTEXT, customTools: false },
    );
    if (written.kind === 'fault') throw new Error(written.message);
    const sent = (written.body['tools'] as { function: { name: string; description: string } }[])[0]?.function;
    expect(sent?.name).toMatch(/^apply_patch_.{52}$/);
    expect(sent?.description).toContain('start: /a/');
    expect(written.names.original(sent?.name ?? '')).toBe(name);
    expect(written.names.isCustom(sent?.name ?? '')).toBe(true);
    expect(written.body['tool_choice']).toEqual({ type: 'function', function: { name: sent?.name } });
    expect(written.body['messages']).toMatchObject([
      {},
      { tool_calls: [{ type: 'function', function: { name: sent?.name, arguments: '{"input":"*** \\"a\\""}' } }] },
      { content: '' },
    ]);
    expect(written.leftOut).toEqual(['web_search']);
  });

  it('has ids of calls that fit, equal on both sides (T4)', () => {
    const id = `toolu_${'x'.repeat(60)}`;
    const turns: Turn[] = [
      { role: 'assistant', parts: [call(id), call('functions.Bash:0')] },
      {
        role: 'tool',
        results: [id, 'functions.Bash:0'].map((callId) => ({ callId, parts: [], isError: false, custom: false })),
      },
    ];
    const [asked, ...answered] = write({ ...read({}), turns })['messages'] as {
      tool_calls: { id: string }[];
      tool_call_id: string;
    }[];
    const ids = asked?.tool_calls.map((each) => each.id);
    expect(answered.map((each) => each.tool_call_id)).toEqual(ids);
    expect(ids?.[0]).toHaveLength(40);
    expect(ids?.[1]).toBe('functions.Bash:0');
  });

  it.each<[JsonObject, JsonObject]>([
    [{ parallel_tool_calls: false }, { parallel_tool_calls: false }],
    [
      { tool_choice: 'none', parallel_tool_calls: false },
      { tool_choice: 'none', parallel_tool_calls: false },
    ],
    [{ tool_choice: 'required' }, { tool_choice: 'required' }],
    [{}, {}],
  ])('forces no call that %j does not force (T7)', (asked, expected) => {
    const { tools, ...written } = write(read({ tools: [{ type: 'function', function: { name: 'f' } }], ...asked }));
    expect(written).toEqual({ model: 'gpt-5.6', messages: [{ role: 'user', content: 'hi' }], ...expected });
    // A function without parameters has an empty object (T9).
    const parameters = { type: 'object', properties: {} };
    expect(tools).toEqual([{ type: 'function', function: { name: 'f', parameters } }]);
  });

  it('asks for JSON by the field for it and by no tool (R6)', () => {
    const properties = { a: { type: 'string' } };
    const schema = { type: 'object', properties, required: ['a'], additionalProperties: false };
    const format = { kind: 'json_schema' as const, name: 'answer', description: null, schema, strict: true };
    expect(write({ ...read({}), format })).toEqual({
      model: 'gpt-5.6',
      messages: [{ role: 'user', content: 'hi' }],
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    });
  });

  it('calls nothing strict that OpenAI would refuse as strict, and notes it', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false };
    const format = { kind: 'json_schema' as const, name: 'answer', description: null, schema, strict: true };
    const tool = { kind: 'function' as const, name: 'f', description: null, parameters: schema, strict: true };
    const written = writeRequest({ ...read({}), format, tools: [tool] }, WRITE_CONTEXT);
    expect(written).toMatchObject({
      body: {
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
        tools: [{ type: 'function', function: { name: 'f', parameters: schema } }],
      },
      leftOut: ['field of tools[].strict', 'field of json_schema.strict'],
    });
    expect(JSON.stringify('body' in written && written.body)).not.toContain('"strict"');
  });

  it.each<[JsonObject, readonly string[], JsonObject]>([
    [{ prompt_cache_key: 'k' }, ['prompt_cache_key'], {}],
    [{ user: 'u' }, ['user'], {}],
    [{ metadata: { a: 'b' } }, ['metadata'], {}],
    [{ verbosity: 'low' }, ['verbosity'], {}],
    [{ service_tier: 'auto' }, ['service_tier'], {}],
    [{ service_tier: 'default' }, ['service_tier'], {}],
    [{ service_tier: 'flex' }, [], { service_tier: 'flex' }],
    [{ temperature: 0.5, seed: 7 }, [], { temperature: 0.5, seed: 7 }],
  ])('sends no hint of OpenAI to other servers, and notes it: %j', (asked, leftOut, expected) => {
    const context = { ...WRITE_CONTEXT, model: 'm', hints: false };
    expect(writeRequest(read(asked), context)).toMatchObject({ leftOut: leftOut.map((field) => `field of ${field}`) });
    expect(write(read(asked), context)).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'hi' }],
      ...expected,
    });
    expect(write(read(asked))).toMatchObject(asked);
  });

  it('has one text of the operator, and first, for servers other than OpenAI', () => {
    const messages = [
      { role: 'system', content: 'a' },
      { role: 'developer', content: [{ type: 'text', text: 'b' }] },
      { role: 'user', content: 'c' },
      { role: 'assistant', content: 'd' },
      { role: 'system', content: 'e' },
    ];
    expect(write(read({ messages }), { hints: false })['messages']).toEqual([
      { role: 'system', content: 'a\n\nb' },
      { role: 'user', content: 'c' },
      { role: 'assistant', content: 'd' },
      { role: 'user', content: '<system-reminder>\ne\n</system-reminder>' },
    ]);
  });

  it.each<[string | null, number | null, string, boolean, string | undefined, string | null]>([
    ['none', null, 'gpt-5.1', true, 'none', null],
    ['none', null, 'gpt-5.6-mini', true, 'none', null],
    ['none', null, 'openai/gpt-6', true, 'none', null],
    ['none', null, 'gpt-5', true, undefined, 'reasoning'],
    ['none', null, 'gpt-5-mini', true, undefined, 'reasoning'],
    ['none', null, 'gpt-5.2-pro', true, undefined, 'reasoning'],
    ['none', null, 'o3', true, undefined, 'reasoning'],
    ['none', null, 'my-deployment', true, undefined, 'reasoning'],
    ['none', null, 'gpt-5.1', false, undefined, 'reasoning'],
    ['minimal', null, 'qwen3', false, undefined, 'reasoning'],
    ['xhigh', null, 'qwen3', false, undefined, 'reasoning'],
    ['max', null, 'qwen3', false, undefined, 'reasoning'],
    ['low', null, 'qwen3', false, 'low', null],
    ['medium', 5_000, 'qwen3', false, 'medium', null],
    ['high', null, 'qwen3', false, 'high', null],
    [null, 10_000, 'qwen3', false, undefined, 'thinking_budget'],
    [null, null, 'qwen3', false, undefined, null],
  ])('has of the effort %s and the budget %s at %s (OpenAI: %s) the effort %s', (...row) => {
    const [effort, budgetTokens, model, hints, expected, noted] = row;
    const reasoning = { effort, budgetTokens, summary: null };
    const written = writeRequest({ ...read({}), reasoning }, { ...WRITE_CONTEXT, model, hints });
    expect(written).toMatchObject({ leftOut: noted === null ? [] : [`field of ${noted}`] });
    expect('body' in written && written.body['reasoning_effort']).toBe(expected);
  });

  it('never has a higher ceiling than the caller named, whatever the effort (M10)', () => {
    const asked = {
      ...read({ max_completion_tokens: 500 }),
      reasoning: { effort: 'high', budgetTokens: 30_000, summary: null },
    };
    expect(write(asked)).toMatchObject({ max_completion_tokens: 500, reasoning_effort: 'high' });
    expect(write(asked, { ceilingField: 'max_tokens' })).toMatchObject({ max_tokens: 500 });
    expect(write(asked, { ceilingField: 'none' })).not.toHaveProperty('max_tokens');
  });

  it.each([
    [{ effort: 'max', budgetTokens: null }, 'gpt-5.6', 'max'],
    [{ effort: null, budgetTokens: 2_000 }, 'gpt-5.6', 'low'],
    [{ effort: null, budgetTokens: 10_000 }, 'gpt-5.6', 'medium'],
    [{ effort: null, budgetTokens: 31_999 }, 'gpt-5.6', 'high'],
    [{ effort: null, budgetTokens: null }, 'gpt-5.6', undefined],
    [{ effort: 'high', budgetTokens: null }, 'gpt-4o-mini', undefined],
  ])('has the effort of %j at %s (S5)', (reasoning, model, effort) => {
    const written = writeRequest(
      { ...read({}), reasoning: { ...reasoning, summary: null } },
      { ...WRITE_CONTEXT, model },
    );
    if (written.kind === 'fault') throw new Error(written.message);
    expect(written.body['reasoning_effort']).toBe(effort);
    expect(written.leftOut).toEqual(model === 'gpt-4o-mini' ? ['field of reasoning'] : []);
  });

  it('has ids of calls as Mistral takes them, the same in calls and results', () => {
    const ids = ['toolu_01A', 'call_1', 'a1B2c3D4e'];
    const turns: Turn[] = [
      {
        role: 'assistant',
        parts: ids.map((id) => ({ kind: 'tool_call', id, name: 'f', input: '{}', custom: false })),
      },
      { role: 'tool', results: ids.map((callId) => ({ callId, parts: [], isError: false, custom: false })) },
    ];
    const [said, ...results] = write({ ...read({}), turns }, { mistralsCallIds: true })['messages'] as readonly {
      readonly tool_calls: readonly { readonly id: string }[];
      readonly tool_call_id: string;
    }[];
    const sent = said?.tool_calls.map(({ id }) => id) ?? [];
    expect(sent.at(-1)).toBe('a1B2c3D4e');
    for (const id of sent) expect(id).toMatch(/^[a-zA-Z0-9]{9}$/);
    expect(new Set(sent).size).toBe(3);
    expect(results.map(({ tool_call_id: id }) => id)).toEqual(sent);
  });

  it('tells no thought of another maker, and its own only where the provider takes it back (S4)', () => {
    const turns: Turn[] = [
      {
        role: 'assistant',
        parts: [
          { kind: 'thinking', text: 'sealed', sealed: { maker: 'anthropic', kind: 'signature', data: 's' } },
          { kind: 'thinking', text: 'free', sealed: null },
        ],
      },
      { role: 'user', parts: [{ kind: 'text', text: 'a' }] },
    ];
    const messages = (context: Partial<WriteContext>) => write({ ...read({}), turns }, context)['messages'];
    expect(messages({})).toEqual([
      { role: 'assistant', content: '', reasoning_content: 'free' },
      { role: 'user', content: 'a' },
    ]);
    expect(messages({ earlierThoughts: false })).toEqual([
      { role: 'assistant', content: '' },
      { role: 'user', content: 'a' },
    ]);
  });

  const forced: Partial<Conversation> = {
    tools: [{ kind: 'builtin', type: 'web_search', name: 'web_search', definition: {} }],
  };
  const document = (source: object, citations: boolean): Partial<Conversation> => ({
    turns: [{ role: 'user', parts: [{ kind: 'document', source: source as never, name: null, citations }] }],
  });
  it.each<[string, Partial<Conversation>]>([
    ['top_k', { topK: 4 }],
    ['logprobs', { topLogprobs: 0 }],
    ['tool_choice', { ...forced, toolChoice: { kind: 'required' } }],
    ['tool_choice', { ...forced, toolChoice: { kind: 'tool', name: 'web_search' } }],
    ['documents', document({ kind: 'url', url: 'https://example.com/a.pdf' }, false)],
    ['documents', document({ kind: 'text', text: 'a' }, true)],
    ['turns', { turns: [{ role: 'assistant', parts: [{ kind: 'text', text: 'a' }] }] }],
  ])('cannot have the %s of %j', (feature, asked) =>
    expect(writeRequest({ ...read({}), ...asked }, WRITE_CONTEXT)).toMatchObject({
      kind: 'fault',
      param: `field of ${feature}`,
    }),
  );
});
