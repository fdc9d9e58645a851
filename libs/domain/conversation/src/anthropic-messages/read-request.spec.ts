import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Conversation } from '../conversation.js';
import { packSeal } from '../foreign-seal.js';
import type { JsonObject } from '../dialect-codec.js';
import { readRequest } from './read-request.js';

const USER = { role: 'user', content: 'hi' };
const ASKED: JsonObject = { model: 'claude-opus-4-6', max_tokens: 100, messages: [USER] };
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB';
const JPEG = '/9j/4AAQSkZJRgABAQAAAQABAAD';

function read(fields: JsonObject): Conversation {
  const conversation = readRequest({ ...ASKED, ...fields });
  if ('kind' in conversation) throw new Error(`${conversation.param}: ${conversation.message}`);
  return conversation;
}

const text = (said: string): { kind: 'text'; text: string } => ({ kind: 'text', text: said });

describe('a request of Anthropic as a conversation', () => {
  it('takes a string as a list of one text', () => {
    const { turns } = read({ system: 'be brief', messages: [USER] });
    expect(turns).toEqual([
      { role: 'system', parts: [text('be brief')] },
      { role: 'user', parts: [text('hi')] },
    ]);
    expect(
      read({
        system: [{ type: 'text', text: 'be brief' }],
        messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      }).turns,
    ).toEqual(turns);
  });

  it("leaves out the line of Claude Code's billing, which differs in each request", () => {
    const line = 'x-anthropic-billing-header: cc_version=2.1.9; cch=71fea;';
    const rest = [{ role: 'system', parts: [text('You are Claude Code.')] }, expect.anything()];
    const block = (said: string): JsonObject => ({ type: 'text', text: said });
    expect(read({ system: [block(line), block('You are Claude Code.')] }).turns).toEqual(rest);
    expect(read({ system: [block(`${line}\nYou are Claude Code.`)] }).turns).toEqual(rest);
    expect(read({ system: `${line}\nYou are Claude Code.` }).turns).toEqual(rest);
    expect(read({ system: [block(line)] }).turns).toHaveLength(1);
    expect(read({ system: [block('You speak of x-anthropic-billing-header: x')] }).turns).toHaveLength(2);
  });

  it('is not carried with a ceiling of 0, which others take for none', () => {
    for (const none of [0, -0])
      expect(readRequest({ ...ASKED, max_tokens: none })).toMatchObject({ param: 'max_tokens' });
    expect(read({ max_tokens: 1 }).outputTokensMax).toBe(1);
  });

  it('keeps the place of a system turn within the messages', () => {
    const messages = [USER, { role: 'system', content: 'Now in French.' }, { role: 'assistant', content: 'oui' }, USER];
    expect(read({ messages }).turns.map(({ role }) => role)).toEqual(['user', 'system', 'assistant', 'user']);
  });

  const says = (...content: unknown[]): JsonObject => ({ role: 'system', content });
  const effort = (level: string, content: unknown = []): JsonObject => ({
    role: 'system',
    content,
    output_config: { effort: level },
  });
  const assistant = { role: 'assistant', content: 'a' };
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'b' }] };
  it.each<[string, JsonObject[], string]>([
    ['behind what the user says, at once', [USER, effort('high')], 'high'],
    ['behind that and another message of the system', [USER, says(), effort('high')], 'high'],
    ['before the user says something, from then on', [USER, assistant, effort('high'), USER], 'high'],
    ['behind an answer, not yet', [USER, assistant, effort('high'), result], 'low'],
    ['behind results, not yet', [USER, assistant, result, effort('high')], 'low'],
    ['until another one', [USER, effort('high'), assistant, effort('max'), USER], 'max'],
    ['also with a text', [USER, effort('high', 'Think well.')], 'high'],
  ])('takes the effort of a message: %s', (_place, messages, expected) => {
    expect(read({ messages, output_config: { effort: 'low' } }).reasoning).toMatchObject({ effort: expected });
  });
  it.each<[JsonObject, string]>([
    [{ ...USER, output_config: { effort: 'high' } }, 'messages[1].output_config'],
    [{ ...says(), output_config: { effort: 7 } }, 'messages[1].output_config.effort'],
    [{ ...says(), output_config: { task_budget: {} } }, 'messages[1].output_config.task_budget'],
    [{ ...says(), output_config: 'high' }, 'messages[1].output_config'],
  ])('and refuses any other configuration of a message: %j', (message, param) => {
    expect(readRequest({ ...ASKED, messages: [USER, message] })).toMatchObject({ kind: 'fault', param });
  });

  const named = (type: string, name: string): JsonObject => ({ type, tool: { type: 'tool_reference', name } });
  const defined = (name: string, description: string): JsonObject => ({
    type: 'tool_addition',
    tool: { type: 'tool_definition', definition: { name, description, input_schema: { type: 'object' } } },
  });
  it.each<[string, JsonObject[], [string, string | null][]]>([
    [
      'added by name',
      [named('tool_addition', 'g')],
      [
        ['f', null],
        ['g', null],
      ],
    ],
    ['taken away', [named('tool_removal', 'f')], [['g', null]]],
    [
      'taken away and added',
      [named('tool_removal', 'f'), named('tool_addition', 'f')],
      [
        ['g', null],
        ['f', null],
      ],
    ],
    [
      'defined',
      [defined('h', 'new')],
      [
        ['f', null],
        ['g', null],
        ['h', 'new'],
      ],
    ],
    [
      'defined anew',
      [defined('f', 'new')],
      [
        ['f', 'new'],
        ['g', null],
      ],
    ],
  ])('declares the tools that may be called at the end: %s', (_what, changes, expected) => {
    const tools = [
      { name: 'f', input_schema: { type: 'object' } },
      { name: 'g', input_schema: { type: 'object' }, defer_loading: true },
    ];
    const { turns, tools: offered } = read({ messages: [USER, ...changes.map((change) => says(change))], tools });
    expect(turns).toHaveLength(1);
    expect(offered.map((tool) => [tool.name, tool.kind === 'function' ? tool.description : null])).toEqual(expected);
  });
  it.each<[JsonObject, string]>([
    [named('tool_addition', 'h'), 'messages[1].content[0].tool.name'],
    [named('tool_removal', ''), 'messages[1].content[0].tool.name'],
    [{ type: 'tool_addition' }, 'messages[1].content[0].tool'],
    [{ type: 'tool_addition', tool: { type: 'x' } }, 'messages[1].content[0].tool.type'],
    [{ ...defined('f', ''), type: 'tool_removal' }, 'messages[1].content[0].tool.type'],
    [
      { type: 'tool_addition', tool: { type: 'tool_definition', definition: {} } },
      'messages[1].content[0].tool.definition.name',
    ],
    [
      { type: 'tool_addition', tool: { type: 'tool_reference', name: 'f', from: 'a' } },
      'messages[1].content[0].tool.from',
    ],
  ])('and refuses other changes of the tools: %j', (change, param) => {
    expect(readRequest({ ...ASKED, messages: [USER, says(change)] })).toMatchObject({ kind: 'fault', param });
  });

  it('leaves out texts that are empty, and turns of nothing else', () => {
    const empty = [{ type: 'text', text: '' }];
    const messages = [USER, { role: 'assistant', content: empty }, { role: 'assistant', content: '' }];
    expect(read({ messages }).turns).toEqual([{ role: 'user', parts: [text('hi')] }]);
    expect(read({ messages: [{ role: 'user', content: [...empty, { type: 'text', text: 'hi' }] }] }).turns).toEqual([
      { role: 'user', parts: [text('hi')] },
    ]);
  });

  it('takes blocks that name a part of what is cached', () => {
    const cached = { cache_reference: 'toolu_1' };
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'hi', ...cached }] }];
    expect(read({ messages }).turns).toEqual([{ role: 'user', parts: [text('hi')] }]);
  });

  it('puts results before all else in their turn, in their order', () => {
    const result = (id: string): JsonObject => ({ type: 'tool_result', tool_use_id: id, content: id });
    const content = [
      { type: 'text', text: 'one' },
      result('a'),
      { type: 'text', text: 'two' },
      { ...result('b'), is_error: true },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
    ];
    expect(read({ messages: [{ role: 'user', content }] }).turns).toEqual([
      {
        role: 'tool',
        results: [
          { callId: 'a', parts: [text('a')], isError: false, custom: false },
          { callId: 'b', parts: [text('b')], isError: true, custom: false },
        ],
      },
      {
        role: 'user',
        parts: [
          text('one'),
          text('two'),
          { kind: 'image', source: { kind: 'url', url: 'https://example.com/a.png' }, detail: null },
        ],
      },
    ]);
  });

  it('takes results without content, and with images and documents', () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } };
    const content = [
      { type: 'tool_result', tool_use_id: 'a' },
      { type: 'tool_result', tool_use_id: 'b', content: [image, { type: 'text', text: 'a plot' }] },
    ];
    const [turn] = read({ messages: [{ role: 'user', content }] }).turns;
    expect(turn?.role === 'tool' && turn.results.map(({ parts }) => parts.map(({ kind }) => kind))).toEqual([
      [],
      ['image', 'text'],
    ]);
  });

  it('reads the tools that a search of Claude Code has found as a text', () => {
    const found = [
      { type: 'tool_reference', tool_name: 'mcp__a__read' },
      { type: 'tool_reference', tool_name: 'mcp__a__write', cache_control: { type: 'ephemeral' } },
    ];
    const content = [{ type: 'tool_result', tool_use_id: 'a', content: found }];
    const tools = [{ name: 'mcp__a__read', input_schema: { type: 'object' }, defer_loading: true }];
    const conversation = read({ messages: [{ role: 'user', content }], tools });
    expect(conversation.tools).toMatchObject([{ kind: 'function', name: 'mcp__a__read' }]);
    expect(conversation.turns).toMatchObject([
      {
        role: 'tool',
        results: [
          {
            callId: 'a',
            parts: [
              { kind: 'text', text: 'Tool available: mcp__a__read' },
              { kind: 'text', text: 'Tool available: mcp__a__write', cache: { ttl: '5m' } },
            ],
          },
        ],
      },
    ]);
  });

  it('labels images by their first bytes', () => {
    const labelled = (mediaType: string, data: string): JsonObject => ({
      type: 'image',
      source: { type: 'base64', media_type: mediaType, data },
    });
    const content = [labelled('image/jpg', JPEG), labelled('image/png', JPEG), labelled('image/jpeg', PNG)];
    expect(read({ messages: [{ role: 'user', content }] }).turns).toEqual([
      {
        role: 'user',
        parts: ['image/jpeg', 'image/jpeg', 'image/png'].map((mediaType, at) => ({
          kind: 'image',
          source: { kind: 'data', mediaType, base64: at === 2 ? PNG : JPEG },
          detail: null,
        })),
      },
    ]);
  });

  it('takes documents by URL, as PDF, as text and in blocks', () => {
    const pdf = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0xLjQK' };
    const content = [
      { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' }, title: 'A' },
      { type: 'document', source: pdf, citations: { enabled: true }, context: null },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Once.' } },
      { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'Twice.' }] } },
    ];
    const document = { kind: 'document', name: null, citations: false };
    expect(read({ messages: [{ role: 'user', content }] }).turns[0]).toEqual({
      role: 'user',
      parts: [
        { ...document, source: { kind: 'url', url: 'https://example.com/a.pdf' }, name: 'A' },
        { ...document, source: { kind: 'data', mediaType: 'application/pdf', base64: pdf.data }, citations: true },
        { ...document, source: { kind: 'text', text: 'Once.' } },
        { ...document, source: { kind: 'text', text: 'Twice.' } },
      ],
    });
  });

  it('keeps thoughts with their seals, and knows those that are not of Anthropic', () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 'EqQB' },
      { type: 'thinking', thinking: '', signature: 'EqQC' },
      { type: 'redacted_thinking', data: 'EmwK' },
      { type: 'thinking', thinking: 'by another', signature: '' },
      { type: 'thinking', thinking: 'by another', signature: 'tg1.anothers_thought.unsealed' },
      {
        type: 'thinking',
        thinking: '',
        signature: packSeal({ maker: 'openai', kind: 'encrypted', id: 'rs_1', data: 'gAAA.B' }),
      },
      { type: 'tool_use', id: 'a', name: 'f', input: {} },
    ];
    const [turn] = read({ messages: [{ role: 'assistant', content }] }).turns;
    expect(turn?.role === 'assistant' && turn.parts).toEqual([
      { kind: 'thinking', text: 'hm', sealed: { maker: 'anthropic', kind: 'signature', data: 'EqQB' } },
      { kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'signature', data: 'EqQC' } },
      { kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'redacted', data: 'EmwK' } },
      { kind: 'thinking', text: 'by another', sealed: null },
      { kind: 'thinking', text: 'by another', sealed: null },
      { kind: 'thinking', text: '', sealed: { maker: 'openai', kind: 'encrypted', id: 'rs_1', data: 'gAAA.B' } },
      { kind: 'tool_call', id: 'a', name: 'f', input: '{}', custom: false },
    ]);
  });

  it('keeps marks for caches', () => {
    const marked = { cache_control: { type: 'ephemeral' } };
    const longer = { cache_control: { type: 'ephemeral', ttl: '1h' } };
    const conversation = read({
      system: [{ type: 'text', text: 'be brief', ...longer }],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi', ...marked }] }],
      tools: [{ name: 'f', input_schema: { type: 'object' }, ...longer }],
    });
    expect(conversation.turns).toEqual([
      { role: 'system', parts: [{ ...text('be brief'), cache: { ttl: '1h' } }] },
      { role: 'user', parts: [{ ...text('hi'), cache: { ttl: '5m' } }] },
    ]);
    expect(conversation.tools[0]).toMatchObject({ cache: { ttl: '1h' } });
  });

  it("takes the caller's tools and those that Anthropic defines", () => {
    const tools = [
      { name: 'f', description: 'does f', input_schema: { type: 'object' }, strict: true },
      { type: 'custom', name: 'g', input_schema: { type: 'object' }, eager_input_streaming: true, defer_loading: true },
      { name: 'h', allowed_callers: ['direct'] },
      { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
    ];
    expect(read({ tools }).tools).toEqual([
      { kind: 'function', name: 'f', description: 'does f', parameters: { type: 'object' }, strict: true },
      { kind: 'function', name: 'g', description: null, parameters: { type: 'object' }, strict: null },
      { kind: 'function', name: 'h', description: null, parameters: null, strict: null },
      { kind: 'builtin', type: 'web_search_20250305', name: 'web_search', definition: tools[3] },
    ]);
  });

  it.each([
    [{ type: 'auto' }, { kind: 'auto' }, null],
    [{ type: 'auto', disable_parallel_tool_use: true }, { kind: 'auto' }, false],
    [{ type: 'any', disable_parallel_tool_use: false }, { kind: 'required' }, true],
    [{ type: 'tool', name: 'f' }, { kind: 'tool', name: 'f' }, null],
    [{ type: 'none' }, { kind: 'none' }, null],
  ])('reads the choice %j', (choice, toolChoice, parallelToolCalls) => {
    expect(read({ tool_choice: choice })).toMatchObject({ toolChoice, parallelToolCalls });
  });

  const thinks = { effort: null, budgetTokens: null, summary: null };
  it.each([
    [{ thinking: { type: 'adaptive' } }, thinks],
    [{ thinking: { type: 'adaptive', budget_tokens: 0, display: 'summarized' } }, { ...thinks, summary: 'auto' }],
    [{ thinking: { type: 'enabled' } }, thinks],
    [
      { thinking: { type: 'enabled', budget_tokens: 2048, display: 'omitted' } },
      { ...thinks, budgetTokens: 2048, summary: 'omitted' },
    ],
    [
      { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } },
      { ...thinks, effort: 'xhigh' },
    ],
    [{ output_config: { effort: 'low' } }, { ...thinks, effort: 'low' }],
    [{ thinking: { type: 'disabled' } }, { ...thinks, effort: 'none' }],
    [
      { thinking: { type: 'between_tools' }, output_config: { effort: 'low' } },
      { ...thinks, effort: 'none' },
    ],
    [{ output_config: {} }, null],
  ])('reads how much to think from %j', (fields, reasoning) => {
    expect(read(fields).reasoning).toEqual(reasoning);
  });

  it('reads the schema of the answer under its new and its old name', () => {
    const format = { type: 'json_schema', schema: { type: 'object' } };
    const expected = {
      kind: 'json_schema',
      name: 'response',
      description: null,
      schema: { type: 'object' },
      strict: true,
    };
    expect(read({ output_config: { format } }).format).toEqual(expected);
    expect(read({ output_format: format }).format).toEqual(expected);
  });

  it('reads what the answer is to be', () => {
    const settings = {
      stop_sequences: ['END'],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      metadata: { user_id: 'u1' },
      service_tier: 'standard_only',
      stream: true,
    };
    expect(read(settings)).toMatchObject({
      outputTokensMax: 100,
      stop: ['END'],
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      user: 'u1',
      serviceTier: 'default',
      stream: true,
    });
  });

  it('takes what Claude Code sends with each call', () => {
    const body = {
      model: 'claude-opus-4-6',
      max_tokens: 32_000,
      stream: true,
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.9; cch=71fea;' },
        {
          type: 'text',
          text: 'You are Claude Code.',
          cache_control: { type: 'ephemeral', ttl: '1h', scope: 'global' },
        },
      ],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }] }],
      tools: [{ name: 'Bash', description: 'runs', input_schema: { type: 'object' }, eager_input_streaming: true }],
      thinking: { type: 'adaptive', budget_tokens: 0 },
      output_config: { effort: 'high' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      metadata: { user_id: 'user_1_account__session_2' },
      speed: 'standard',
      service_tier: null,
    };
    expect(readRequest(body)).not.toHaveProperty('kind');
  });

  const refused = (content: unknown): JsonObject => ({ messages: [{ role: 'user', content }] });
  const said = (content: unknown): JsonObject => ({ messages: [{ role: 'assistant', content }] });
  const block = (type: string, fields: JsonObject = {}): JsonObject => ({ type, ...fields });
  it.each<[param: string, fields: JsonObject]>([
    ['mcp_servers', { mcp_servers: [{ type: 'url', url: 'https://example.com', name: 'x' }] }],
    ['container', { container: 'container_1' }],
    ['fallbacks', { fallbacks: [{ model: 'claude-opus-4-8' }] }],
    ['inference_geo', { inference_geo: 'us' }],
    ['speed', { speed: 'fast' }],
    ['n', { n: 2 }],
    ['service_tier', { service_tier: 'priority' }],
    ['metadata.team', { metadata: { team: 'a' } }],
    ['stop_sequences', { stop_sequences: 'END' }],
    ['temperature', { temperature: 'hot' }],
    ['max_tokens', { max_tokens: '5' }],
    ['thinking.type', { thinking: { type: 'always' } }],
    ['thinking.budget_tokens', { thinking: { type: 'enabled', budget_tokens: -1 } }],
    ['output_config.task_budget', { output_config: { task_budget: { type: 'tokens', total: 1 } } }],
    ['output_config.format.type', { output_config: { format: { type: 'json_object' } } }],
    ['output_format.schema', { output_format: { type: 'json_schema' } }],
    ['tool_choice.type', { tool_choice: { type: 'required' } }],
    ['tool_choice.name', { tool_choice: { type: 'tool' } }],
    ['tools[0].name', { tools: [{ input_schema: {} }] }],
    ['tools[1].input_schema', { tools: [{ name: 'f' }, { name: 'g', input_schema: [] }] }],
    ['tools[0].input_examples', { tools: [{ name: 'f', input_examples: [{}] }] }],
    ['tools[0].allowed_callers', { tools: [{ name: 'f', allowed_callers: ['code_execution_20260120'] }] }],
    ['system[0].type', { system: [{ type: 'image' }] }],
    ['messages', { messages: 'hi' }],
    ['messages[0]', { messages: [null] }],
    ['messages[0].role', { messages: [{ role: 'tool', content: 'hi' }] }],
    ['messages[0].clear_at', { messages: [{ role: 'system', content: 'hi', clear_at: 'next' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content[1].type', refused([block('text', { text: '' }), block('search_result')])],
    ['messages[0].content[0].type', refused([block('container_upload', { file_id: 'file_1' })])],
    ['messages[0].content[0].type', refused([block('tool_use', { id: 'a', name: 'f', input: {} })])],
    ['messages[0].content[0].type', refused([block('__proto__')])],
    [
      'messages[0].content[0].type',
      said([block('server_tool_use', { id: 'srvtoolu_1', name: 'web_search', input: {} })]),
    ],
    [
      'messages[0].content[0].type',
      said([block('web_search_tool_result', { tool_use_id: 'srvtoolu_1', content: [] })]),
    ],
    ['messages[0].content[0].text', refused([block('text', { text: 5 })])],
    [
      'messages[0].content[0].source.file_id',
      refused([block('image', { source: { type: 'file', file_id: 'file_1' } })]),
    ],
    ['messages[0].content[0].source.type', refused([block('image', { source: { type: 's3' } })])],
    [
      'messages[0].content[0].source.file_id',
      refused([block('document', { source: { type: 'file', file_id: 'file_1' } })]),
    ],
    ['messages[0].content[0].source.data', refused([block('image', { source: { type: 'base64', data: 'PHN2ZyA' } })])],
    ['messages[0].content[0].source.url', refused([block('image', { source: { type: 'url' } })])],
    ['messages[0].content[0].context', refused([block('document', { source: {}, context: 'a letter' })])],
    ['messages[0].content[0].cache_control', refused([block('text', { text: 'a', cache_control: { type: 'kept' } })])],
    ['messages[0].content[0].tool_use_id', refused([block('tool_result')])],
    [
      'messages[0].content[0].content[0].tool_name',
      refused([block('tool_result', { tool_use_id: 'a', content: [block('tool_reference')] })]),
    ],
    ['messages[0].content[0].input', said([block('tool_use', { id: 'a', name: 'f', input: '{}' })])],
    ['messages[0].content[0].name', said([block('tool_use', { id: 'a', input: {} })])],
    ['messages[0].content[0].data', said([block('redacted_thinking')])],
  ])('refuses what it cannot carry by its name: %s', (param, fields) => {
    expect(readRequest({ ...ASKED, ...fields })).toEqual({
      kind: 'fault',
      param,
      message: expect.stringContaining(`${param}: `),
    });
  });

  it('answers whatever a body holds', () => {
    const keys = fc.constantFrom(
      'messages',
      'role',
      'content',
      'type',
      'system',
      'tools',
      'source',
      'thinking',
      'input',
    );
    const values = fc.constantFrom(
      'user',
      'assistant',
      'text',
      'tool_use',
      'tool_result',
      'image',
      'base64',
      'enabled',
    );
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(values, fc.constant(null), fc.integer(), fc.string()),
      tree: fc.oneof({ maxDepth: 5 }, tie('leaf'), fc.dictionary(keys, tie('tree')), fc.array(tie('tree'))),
    }));
    fc.assert(
      fc.property(fc.dictionary(keys, tree), (body) => {
        expect(readRequest(body)).toBeTypeOf('object');
      }),
    );
  });
});
