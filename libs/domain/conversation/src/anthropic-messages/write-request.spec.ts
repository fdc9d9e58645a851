import { describe, expect, it } from 'vitest';
import type { Conversation, ImagePart, Reasoning, Tool, Turn } from '../conversation.js';
import type { Fault, JsonObject, WriteContext, WrittenRequest } from '../dialect-codec.js';
import { FEATURES } from '../features.js';
import { writeRequest } from './write-request.js';

const EMPTY: Conversation = {
  turns: [{ role: 'user', parts: [{ kind: 'text', text: 'hi' }] }],
  tools: [],
  toolChoice: null,
  parallelToolCalls: null,
  format: null,
  outputTokensMax: null,
  stop: [],
  temperature: null,
  topP: null,
  topK: null,
  frequencyPenalty: null,
  presencePenalty: null,
  seed: null,
  logitBias: null,
  topLogprobs: null,
  reasoning: null,
  verbosity: null,
  user: null,
  metadata: null,
  promptCacheKey: null,
  serviceTier: null,
  stream: false,
};
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB';
const JPEG = '/9j/4AAQSkZJRgABAQAAAQABAAD';

type Given = Partial<Conversation>;

function write(given: Given, model = 'claude-opus-4-6'): WrittenRequest | Fault {
  const context: WriteContext = {
    model,
    outputTokensDefault: 4_096,
    ceilingField: 'max_tokens',
    streamOptions: true,
    fieldOf: (feature) => FEATURES[feature]['openai-chat'] ?? FEATURES[feature]['anthropic-messages'] ?? feature,
  };
  return writeRequest({ ...EMPTY, ...given }, context);
}

function written(given: Given, model?: string): WrittenRequest {
  const request = write(given, model);
  if (request.kind === 'fault') throw new Error(`${request.param}: ${request.message}`);
  return request;
}

function body(given: Given, model?: string): JsonObject {
  return JSON.parse(JSON.stringify(written(given, model).body)) as JsonObject;
}

const user = (...texts: readonly string[]): Turn => ({
  role: 'user',
  parts: texts.map((text) => ({ kind: 'text', text })),
});
const system = (text: string): Turn => ({ role: 'system', parts: [{ kind: 'text', text }] });
const assistant = (text: string): Turn => ({ role: 'assistant', parts: [{ kind: 'text', text }] });
const calls = (...ids: readonly string[]): Turn => ({
  role: 'assistant',
  parts: ids.map((id) => ({ kind: 'tool_call', id, name: 'f', input: '{}', custom: false })),
});
const results = (...ids: readonly string[]): Turn => ({
  role: 'tool',
  results: ids.map((callId) => ({ callId, parts: [{ kind: 'text', text: callId }], isError: false, custom: false })),
});
const text = (said: string): JsonObject => ({ type: 'text', text: said });
const use = (id: string): JsonObject => ({ type: 'tool_use', id, name: 'f', input: {} });
const result = (id: string): JsonObject => ({ type: 'tool_result', tool_use_id: id, content: [text(id)] });
const tool = (name: string, parameters: JsonObject | null = null): Tool => ({
  kind: 'function',
  name,
  description: null,
  parameters,
  strict: null,
});
const search: Tool = { kind: 'builtin', type: 'web_search', name: 'web_search', definition: { type: 'web_search' } };
const effort = (said: string | null): Reasoning => ({ effort: said, budgetTokens: null, summary: null });

describe('a conversation as a request for Claude', () => {
  it('has a turn of the user where the caller has given instructions alone', () => {
    const { system: before, messages } = body({ turns: [system('Write a poem.'), system('In French.')] });
    const said = (text: string): object => ({ type: 'text', text });
    expect([before, messages]).toEqual([
      undefined,
      [{ role: 'user', content: [said('Write a poem.'), said('In French.')] }],
    ]);
  });

  it('has the ceiling that Claude demands', () => {
    expect(body({})).toEqual({
      model: 'claude-opus-4-6',
      max_tokens: 4_096,
      messages: [{ role: 'user', content: [text('hi')] }],
    });
    expect(body({ outputTokensMax: 7, stream: true })).toMatchObject({ max_tokens: 7, stream: true });
  });

  it('puts results of one round into one user turn, before what the user says', () => {
    const turns = [user('do'), calls('a', 'b'), results('a'), user('so?'), results('b'), user('go on')];
    expect(body({ turns })['messages']).toEqual([
      { role: 'user', content: [text('do')] },
      { role: 'assistant', content: [use('a'), use('b')] },
      { role: 'user', content: [result('a'), result('b'), text('so?'), text('go on')] },
    ]);
  });

  it('keeps images in results, and says what failed', () => {
    const image = {
      kind: 'image' as const,
      source: { kind: 'data' as const, mediaType: 'image/png', base64: PNG },
      detail: null,
    };
    const turns: Turn[] = [
      user('do'),
      calls('a'),
      { role: 'tool', results: [{ callId: 'a', parts: [image], isError: true, custom: false }] },
    ];
    const source = { type: 'base64', media_type: 'image/png', data: PNG };
    expect((body({ turns })['messages'] as JsonObject[])[2]).toEqual({
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'image', source }], is_error: true }],
    });
  });

  it('cleans the ids of calls and results alike, and keeps those apart that differ', () => {
    const ids = ['functions.Bash:0', 'functions.Bash:1', 'functions_Bash_0', 'toolu_01'];
    const [, asked, answered] = body({ turns: [user('do'), calls(...ids), results(...ids)] })[
      'messages'
    ] as JsonObject[];
    const sent = (asked?.['content'] as JsonObject[]).map(({ id }) => String(id));
    expect((answered?.['content'] as JsonObject[]).map((each) => each['tool_use_id'])).toEqual(sent);
    expect(new Set(sent).size).toBe(ids.length);
    expect(sent.slice(2)).toEqual(ids.slice(2));
    for (const id of sent) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/);
  });

  it('shortens long names of tools, everywhere the same, and turns them back', () => {
    const long = `mcp__server__${'x'.repeat(140)}`;
    const turns: Turn[] = [
      user('do'),
      { role: 'assistant', parts: [{ kind: 'tool_call', id: 'a', name: `${long}1`, input: '{}', custom: false }] },
      results('a'),
    ];
    const request = written({
      turns,
      tools: [tool(`${long}1`), tool(`${long}2`)],
      toolChoice: { kind: 'tool', name: `${long}2` },
    });
    const [one, two] = (request.body['tools'] as JsonObject[]).map(({ name }) => String(name));
    expect([one?.length, two?.length].every((length) => length !== undefined && length <= 128)).toBe(true);
    expect(one).not.toBe(two);
    expect([request.names.original(one ?? ''), request.names.original(two ?? '')]).toEqual([`${long}1`, `${long}2`]);
    expect(request.body['tool_choice']).toEqual({ type: 'tool', name: two });
    expect(request.body['messages']).toMatchObject([{}, { content: [{ name: one }] }, {}]);
  });

  it('takes a call without arguments as one with an empty object', () => {
    const turns: Turn[] = [
      user('do'),
      { role: 'assistant', parts: [{ kind: 'tool_call', id: 'a', name: 'f', input: '', custom: false }] },
      results('a'),
    ];
    expect((body({ turns })['messages'] as JsonObject[])[1]).toEqual({ role: 'assistant', content: [use('a')] });
  });

  it('leaves out texts that are blank, and turns of which nothing is left', () => {
    const turns = [system(' '), user('', 'do', '\n'), assistant(''), user('this'), assistant('ok'), user('\t', 'go')];
    expect(body({ turns })).toEqual({
      model: 'claude-opus-4-6',
      max_tokens: 4_096,
      messages: [
        { role: 'user', content: [text('do'), text('this')] },
        { role: 'assistant', content: [text('ok')] },
        { role: 'user', content: [text('go')] },
      ],
    });
  });

  it('gives thoughts back to their maker, and to nobody else', () => {
    const turns: Turn[] = [
      user('do'),
      {
        role: 'assistant',
        parts: [
          { kind: 'thinking', text: 'hm', sealed: { maker: 'anthropic', kind: 'signature', data: 'EqQB' } },
          { kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'signature', data: 'EqQC' } },
          { kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'redacted', data: 'EmwK' } },
          { kind: 'thinking', text: 'mine', sealed: null },
          { kind: 'thinking', text: 'mine', sealed: { maker: 'openai', kind: 'encrypted', data: 'gAAA', id: 'rs_1' } },
          { kind: 'text', text: 'ok' },
        ],
      },
      user('go'),
    ];
    expect((body({ turns })['messages'] as JsonObject[])[1]?.['content']).toEqual([
      { type: 'thinking', thinking: 'hm', signature: 'EqQB' },
      { type: 'thinking', thinking: '', signature: 'EqQC' },
      { type: 'redacted_thinking', data: 'EmwK' },
      text('ok'),
    ]);
  });

  it('labels images by their first bytes, and leaves URLs as they are', () => {
    const image = (source: ImagePart['source']): Turn => ({
      role: 'user',
      parts: [{ kind: 'image', source, detail: 'low' }],
    });
    expect(written({ turns: [image({ kind: 'url', url: 'https://example.com/a.png' })] }).leftOut).toEqual(['detail']);
    const sent = (turn: Turn): unknown => (body({ turns: [turn] })['messages'] as JsonObject[])[0]?.['content'];
    expect(sent(image({ kind: 'data', mediaType: 'image/jpg', base64: JPEG }))).toEqual([
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: JPEG } },
    ]);
    expect(sent(image({ kind: 'url', url: 'https://example.com/a.svg' }))).toEqual([
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.svg' } },
    ]);
  });

  it('keeps marks for caches where they are, and adds none', () => {
    const turns: Turn[] = [
      { role: 'system', parts: [{ kind: 'text', text: 'be brief', cache: { ttl: '1h' } }] },
      {
        role: 'user',
        parts: [
          { kind: 'text', text: 'hi' },
          { kind: 'text', text: 'there', cache: { ttl: '5m' } },
        ],
      },
    ];
    expect(body({ turns })).toMatchObject({
      system: [{ ...text('be brief'), cache_control: { type: 'ephemeral', ttl: '1h' } }],
      messages: [{ role: 'user', content: [text('hi'), { ...text('there'), cache_control: { type: 'ephemeral' } }] }],
    });
  });

  describe('on what the operator says within the conversation', () => {
    const reminder = text('<system-reminder>\nin French\n</system-reminder>');
    const turn = { role: 'system', content: [text('in French')] };
    const first = { role: 'user', content: [text('hi')] };
    const last = { role: 'user', content: [text('and?')] };
    const between = { role: 'assistant', content: [text('oui')] };

    it.each<[string, string, readonly Turn[], readonly unknown[]]>([
      ['after a user turn', 'claude-opus-4-8', [user('hi'), system('in French')], [first, turn]],
      [
        'between a user turn and one of the assistant',
        'claude-opus-4-8',
        [user('hi'), system('in French'), assistant('oui'), user('and?')],
        [first, turn, between, last],
      ],
      [
        'after results',
        'claude-opus-4-8',
        [user('hi'), calls('a'), results('a'), system('in French')],
        [first, { role: 'assistant', content: [use('a')] }, { role: 'user', content: [result('a')] }, turn],
      ],
      [
        'twice in a row',
        'claude-opus-5-5',
        [user('hi'), system('in French'), system('in French')],
        [first, { role: 'system', content: [text('in French'), text('in French')] }],
      ],
      [
        'after the assistant',
        'claude-opus-4-8',
        [user('hi'), assistant('oui'), system('in French'), user('and?')],
        [first, between, { role: 'user', content: [reminder, text('and?')] }],
      ],
      [
        'between two user turns',
        'claude-opus-4-8',
        [user('hi'), system('in French'), user('and?')],
        [{ role: 'user', content: [text('hi'), reminder, text('and?')] }],
      ],
      [
        'at the end, to a model that takes none',
        'claude-opus-4-7',
        [user('hi'), system('in French')],
        [{ role: 'user', content: [text('hi'), reminder] }],
      ],
      [
        'between calls and results',
        'claude-opus-4-7',
        [user('hi'), calls('a'), system('in French'), results('a')],
        [first, { role: 'assistant', content: [use('a')] }, { role: 'user', content: [result('a'), reminder] }],
      ],
    ])('keeps its place %s', (_, model, turns, messages) => {
      expect(body({ turns }, model)['messages']).toEqual(messages);
    });

    it('makes it the system text at the beginning', () => {
      expect(body({ turns: [system('be brief'), system('in French'), user('hi')] })).toMatchObject({
        system: [text('be brief'), text('in French')],
        messages: [first],
      });
    });
  });

  it.each<[Given, JsonObject | undefined]>([
    [{}, undefined],
    [{ parallelToolCalls: true }, undefined],
    [{ parallelToolCalls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [{ toolChoice: { kind: 'auto' } }, { type: 'auto' }],
    [{ toolChoice: { kind: 'none' }, parallelToolCalls: false }, { type: 'none' }],
    [{ toolChoice: { kind: 'required' } }, { type: 'any' }],
    [
      { toolChoice: { kind: 'required' }, parallelToolCalls: false },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    [{ toolChoice: { kind: 'tool', name: 'f' } }, { type: 'tool', name: 'f' }],
  ])('writes the choice of %j', (given, choice) => {
    expect(body({ tools: [tool('f')], ...given })['tool_choice']).toEqual(choice);
    if (given.toolChoice?.kind !== 'tool' && given.toolChoice?.kind !== 'required')
      expect(body(given)).not.toHaveProperty('tool_choice');
  });

  it('gives each tool the schema of an object', () => {
    const tools = [tool('f'), tool('g', {}), tool('h', { properties: { a: { anyOf: [] } } })];
    expect(body({ tools })['tools']).toEqual([
      { name: 'f', input_schema: { type: 'object', properties: {} } },
      { name: 'g', input_schema: { type: 'object' } },
      { name: 'h', input_schema: { type: 'object', properties: { a: { anyOf: [] } } } },
    ]);
  });

  it('makes a custom tool a function of one text, and its calls too', () => {
    const patch: Tool = { kind: 'custom', name: 'apply_patch', description: 'patches', format: null };
    const turns: Turn[] = [
      user('do'),
      {
        role: 'assistant',
        parts: [{ kind: 'tool_call', id: 'a', name: 'apply_patch', input: '*** Begin', custom: true }],
      },
      {
        role: 'tool',
        results: [{ callId: 'a', parts: [{ kind: 'text', text: 'done' }], isError: false, custom: true }],
      },
    ];
    const request = written({ turns, tools: [patch] });
    expect(request.body['tools']).toMatchObject([{ name: 'apply_patch', input_schema: { required: ['input'] } }]);
    expect(request.body['messages']).toMatchObject([{}, { content: [{ input: { input: '*** Begin' } }] }, {}]);
    expect(request.names.isCustom('apply_patch')).toBe(true);
  });

  it('leaves out a built-in tool of another maker, and names it', () => {
    const anthropics: Tool = {
      kind: 'builtin',
      type: 'bash_20250124',
      name: 'bash',
      definition: { type: 'bash_20250124', name: 'bash' },
    };
    const request = written({ tools: [search, tool('f'), anthropics] });
    expect(request.leftOut).toEqual(['web_search']);
    expect((request.body['tools'] as JsonObject[]).map(({ name }) => name)).toEqual(['f', 'bash']);
    expect(body({ tools: [search], toolChoice: { kind: 'auto' } })).not.toHaveProperty('tools');
    expect(body({ tools: [search, tool('f')], toolChoice: { kind: 'required' } })).toMatchObject({
      tools: [{ name: 'f' }],
      tool_choice: { type: 'any' },
    });
    expect(written({ leftOut: ['web_search_call'], tools: [search] }).leftOut).toEqual([
      'web_search_call',
      'web_search',
    ]);
  });

  it('names what it leaves out because it does no harm', () => {
    const { body: sent, leftOut } = written({
      metadata: { a: 'b' },
      promptCacheKey: 'k',
      verbosity: 'low',
      user: 'u1',
    });
    expect(leftOut).toEqual(['metadata', 'prompt_cache_key', 'verbosity']);
    expect(sent).toMatchObject({ metadata: { user_id: 'u1' } });
    expect(written({ verbosity: 'medium', frequencyPenalty: 0, presencePenalty: 0, logitBias: {} }).leftOut).toEqual(
      [],
    );
  });

  it('writes the schema of the answer', () => {
    const format = {
      kind: 'json_schema',
      name: 'a',
      description: null,
      schema: { type: 'object' },
      strict: true,
    } as const;
    expect(body({ format, reasoning: effort('low') })['output_config']).toEqual({
      effort: 'low',
      format: { type: 'json_schema', schema: { type: 'object' } },
    });
  });

  it.each<[string, Given, JsonObject]>([
    [
      'claude-opus-4-6',
      { reasoning: effort('high') },
      { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
    ],
    ['claude-opus-4-6', { reasoning: effort('minimal') }, { output_config: { effort: 'low' } }],
    ['claude-opus-4-7', { reasoning: effort('xhigh') }, { output_config: { effort: 'xhigh' } }],
    ['claude-opus-4-7', { reasoning: effort(null) }, { thinking: { type: 'adaptive' } }],
    [
      'claude-opus-4-7',
      { reasoning: { ...effort('low'), summary: 'detailed' } },
      { thinking: { type: 'adaptive', display: 'summarized' } },
    ],
    ['claude-opus-4-7', { reasoning: { ...effort('low'), summary: 'omitted' } }, { thinking: { display: 'omitted' } }],
    [
      'claude-opus-4-6',
      { reasoning: { ...effort(null), budgetTokens: 2048 } },
      { thinking: { type: 'enabled', budget_tokens: 2048 } },
    ],
    [
      'claude-sonnet-4-5',
      { reasoning: effort('high'), outputTokensMax: 10_000 },
      { thinking: { type: 'enabled', budget_tokens: 8_000 } },
    ],
    [
      'claude-sonnet-4-5',
      { reasoning: effort('low'), outputTokensMax: 2_000 },
      { thinking: { type: 'enabled', budget_tokens: 1_024 } },
    ],
    [
      'claude-sonnet-4-5',
      { reasoning: effort('max'), outputTokensMax: 64_000 },
      { thinking: { type: 'enabled', budget_tokens: 32_000 } },
    ],
    ['claude-sonnet-5', { reasoning: effort('none') }, { thinking: { type: 'disabled' } }],
    ['claude-sonnet-5-5', { reasoning: effort('none') }, { thinking: { type: 'between_tools' } }],
    ['claude-next', { reasoning: effort('max') }, { thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }],
  ])('makes %s think as asked by %j', (model, given, fields) => {
    expect(body(given, model)).toMatchObject(fields);
    expect(body(given, model)['max_tokens']).toBe(given.outputTokensMax ?? 4_096);
  });

  it.each(['claude-sonnet-4-5', 'claude-haiku-4-5', 'claude-3-haiku-20240307'])(
    'does not make %s think for a summary alone',
    (model) => {
      const given = { reasoning: { ...effort(null), summary: 'auto' }, temperature: 0.2 };
      expect(body(given, model)).not.toHaveProperty('thinking');
      expect(body(given, model)).toMatchObject({ temperature: 0.2 });
    },
  );

  const sealed = (maker: 'anthropic' | 'openai'): Turn => ({
    role: 'assistant',
    parts: [
      { kind: 'text', text: ' ' },
      { kind: 'thinking', text: 'hm', sealed: { maker, kind: 'signature', data: 'EqQB' } },
      { kind: 'tool_call', id: 'a', name: 'f', input: '{}', custom: false },
    ],
  });
  const budget = { ...effort(null), budgetTokens: 2_048 };
  it.each<[string, readonly Turn[], string, Reasoning, string | null, readonly string[]]>([
    ['no thought', [user('u'), calls('a'), results('a')], 'sonnet-4-5', effort('high'), null, ['reasoning_effort']],
    ['no thought', [user('u'), calls('a'), results('a')], 'opus-4-6', budget, null, ['thinking.budget_tokens']],
    ['no thought, by itself', [user('u'), calls('a'), results('a')], 'opus-4-6', effort('high'), 'adaptive', []],
    ['its thought', [user('u'), sealed('anthropic'), results('a')], 'sonnet-4-5', effort('high'), 'enabled', []],
    ["another's", [user('u'), sealed('openai'), results('a')], 'sonnet-4-5', effort('low'), null, ['reasoning_effort']],
    [
      'a thought at its beginning',
      [user('u'), sealed('anthropic'), results('a'), calls('b'), results('b')],
      'sonnet-4-5',
      effort('high'),
      'enabled',
      [],
    ],
    [
      'a word of the user beside the results',
      [user('u'), calls('a'), results('a'), user('v'), user('w')],
      'sonnet-4-5',
      effort('high'),
      null,
      ['reasoning_effort'],
    ],
    [
      'an end before the last question',
      [user('u'), calls('a'), results('a'), assistant('done'), user('v')],
      'sonnet-4-5',
      effort('high'),
      'enabled',
      [],
    ],
  ])('asks to think in a loop of tools with %s: %#', (_what, turns, model, reasoning, type, leftOut) => {
    const request = written({ turns, reasoning }, `claude-${model}`);
    expect((request.body['thinking'] as JsonObject | undefined)?.['type'] ?? null).toBe(type);
    expect(request.leftOut).toEqual(leftOut);
  });

  it('says nothing of thoughts to a model that has none unasked', () => {
    expect(body({ reasoning: effort('none') }, 'claude-opus-4-7')).not.toHaveProperty('thinking');
    expect(body({ reasoning: effort('none') }, 'claude-3-haiku-20240307')).not.toHaveProperty('thinking');
  });

  it.each<[string, Given, JsonObject]>([
    ['claude-sonnet-4-5', { temperature: 0.5 }, { temperature: 0.5 }],
    ['claude-sonnet-4-5', { temperature: 1, topP: 0.9 }, { top_p: 0.9 }],
    ['claude-opus-4-7', { temperature: 1, topP: 1 }, {}],
    ['claude-3-haiku-20240307', { temperature: 0, topP: 0.9, topK: 40 }, { temperature: 0, top_p: 0.9, top_k: 40 }],
    ['claude-opus-4-6', { reasoning: effort('low'), temperature: 1, topP: 0.95 }, { top_p: 0.95 }],
    ['claude-3-haiku-20240307', { stop: ['END'] }, { stop_sequences: ['END'] }],
    ['claude-opus-4-6', { serviceTier: 'default' }, { service_tier: 'standard_only' }],
  ])('tells %s to sample by %j', (model, given, fields) => {
    const sent = body(given, model);
    const settings = Object.keys(sent).filter(
      (field) => !['model', 'max_tokens', 'messages', 'thinking', 'output_config'].includes(field),
    );
    expect(Object.fromEntries(settings.map((field) => [field, sent[field]]))).toEqual(fields);
  });

  const forced: Given = { tools: [tool('f')], toolChoice: { kind: 'required' } };
  it.each<[param: string, given: Given, model?: string, names?: string]>([
    [
      'reasoning_effort',
      { reasoning: effort('high'), outputTokensMax: 500 },
      'claude-sonnet-4-5',
      'max_completion_tokens',
    ],
    [
      'reasoning_effort',
      { reasoning: effort('low'), outputTokensMax: 1_024 },
      'claude-haiku-4-5',
      'max_completion_tokens',
    ],
    ['thinking.budget_tokens', { reasoning: { ...effort(null), budgetTokens: 500 } }, 'claude-haiku-4-5'],
    [
      'thinking.budget_tokens',
      { reasoning: { ...effort(null), budgetTokens: 4_096 } },
      'claude-haiku-4-5',
      'max_completion_tokens',
    ],
    ['thinking.budget_tokens', { reasoning: { ...effort(null), budgetTokens: 2_048 } }, 'claude-opus-4-7'],
    ['reasoning_effort', { reasoning: effort('xhigh') }, 'claude-opus-4-6'],
    ['reasoning_effort', { reasoning: effort('extreme') }, 'claude-opus-4-7'],
    ['reasoning_effort', { reasoning: effort('low') }, 'claude-3-haiku-20240307'],
    ['reasoning_effort', { reasoning: effort('none') }, 'claude-opus-5-5'],
    ['tool_choice', { ...forced, reasoning: effort('low') }, 'claude-opus-4-6', 'reasoning_effort'],
    ['tool_choice', { ...forced, reasoning: effort('low') }, 'claude-haiku-4-5', 'reasoning_effort'],
    ['tool_choice', forced, 'claude-opus-5-5'],
    ['tool_choice', { tools: [search], toolChoice: { kind: 'required' } }],
    ['tool_choice', { tools: [search, tool('f')], toolChoice: { kind: 'tool', name: 'web_search' } }],
    ['tool_choice', { toolChoice: { kind: 'tool', name: 'g' }, tools: [tool('f')] }],
    ['tools[1]', { tools: [tool('f'), tool('union', { oneOf: [] })] }, undefined, 'union'],
    ['tools[0]', { tools: [tool('f', { type: 'object', anyOf: [] })] }, undefined, 'anyOf'],
    ['tools[0]', { tools: [tool('f', { allOf: [] })] }],
    ['tools[0]', { tools: [tool('list', { type: 'array' })] }, undefined, 'list'],
    ['tools[0]', { tools: [{ ...tool('f'), strict: true } as Tool] }, 'claude-sonnet-4-0'],
    ['temperature', { temperature: 1.5 }],
    ['temperature', { temperature: 0.5 }, 'claude-opus-4-7'],
    ['temperature', { temperature: 0, reasoning: effort('low') }, 'claude-opus-4-6', 'reasoning_effort'],
    ['top_p', { topP: 0.9 }, 'claude-sonnet-5'],
    ['top_p', { topP: 0.9, temperature: 0.5 }, 'claude-sonnet-4-5', 'temperature'],
    ['top_k', { topK: 5 }, 'claude-opus-4-8'],
    ['stop', { stop: ['END', '\n'] }],
    ['stop', { stop: [''] }],
    ['frequency_penalty', { frequencyPenalty: 0.5 }],
    ['presence_penalty', { presencePenalty: -1 }],
    ['seed', { seed: 0 }],
    ['logit_bias', { logitBias: { '50256': -100 } }],
    ['logprobs', { topLogprobs: 0 }],
    ['response_format', { format: { kind: 'json_object' } }],
    [
      'response_format',
      { format: { kind: 'json_schema', name: 'a', description: null, schema: {}, strict: true } },
      'claude-opus-4-1',
    ],
    ['service_tier', { serviceTier: 'flex' }],
    ['service_tier', { serviceTier: 'priority' }],
    ['messages', { turns: [{ role: 'user', parts: [{ kind: 'audio', format: 'wav', base64: 'UklGRg==' }] }] }],
    [
      'messages',
      {
        turns: [
          {
            role: 'user',
            parts: [
              { kind: 'image', source: { kind: 'data', mediaType: 'image/png', base64: 'PHN2Zz4=' }, detail: null },
            ],
          },
        ],
      },
    ],
    [
      'messages',
      {
        turns: [
          {
            role: 'user',
            parts: [
              {
                kind: 'document',
                source: { kind: 'data', mediaType: 'application/zip', base64: 'UEsDBA==' },
                name: null,
                citations: false,
              },
            ],
          },
        ],
      },
    ],
    ['messages', { turns: [user('hi'), assistant('I would say')] }],
    ['messages', { turns: [user(' ')] }],
    ['messages', { turns: [user('hi'), assistant('yes'), user('')] }],
    ['messages', { turns: [user('hi'), results('a')] }],
    ['messages', { turns: [user('hi'), calls('a'), user('and?')] }],
    [
      'messages',
      {
        turns: [
          user('do'),
          { role: 'assistant', parts: [{ kind: 'tool_call', id: 'a', name: 'f', input: '[1]', custom: false }] },
          results('a'),
        ],
      },
    ],
  ])('refuses by the name of the field: %s, %j', (param, given, model, names) => {
    const message = expect.stringContaining(`${param}: `) as string;
    const refusal = write(given, model);
    expect(refusal).toEqual({ kind: 'fault', param, message });
    if (names !== undefined) expect((refusal as Fault).message).toContain(names);
  });

  it('makes a tool be called by a model that can think meanwhile', () => {
    expect(body({ ...forced, reasoning: effort('low') }, 'claude-opus-4-8')['tool_choice']).toEqual({ type: 'any' });
    expect(body({ ...forced, reasoning: effort('none') }, 'claude-opus-4-6')['tool_choice']).toEqual({ type: 'any' });
  });
});
