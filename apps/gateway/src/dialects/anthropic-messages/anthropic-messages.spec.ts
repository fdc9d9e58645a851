import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import type { Ask, Limits, UpstreamCall } from '../ask.js';
import { STEP_BYTES } from '../request-scan/body-scan.js';
import { anthropicMessages } from './anthropic-messages.js';

const BASE = { model: 'claude-opus-4-8', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };
const bodyOf = (fields: object): Buffer => Buffer.from(JSON.stringify({ ...BASE, ...fields }));
const read = (fields: object) => anthropicMessages.read(bodyOf(fields));
function ask(fields: object = {}): Ask {
  const made = read(fields);
  if (made instanceof Promise || isRefusal(made)) throw new Error(JSON.stringify(made));
  return made;
}
const content = (...blocks: unknown[]) => ({ messages: [{ role: 'user', content: blocks }] });
const define = (definition: object) => ({ type: 'tool_addition', tool: { type: 'tool_definition', definition } });
const found = (...names: string[]) =>
  content({
    type: 'tool_result',
    tool_use_id: 't',
    content: names.map((name) => ({ type: 'tool_reference', tool_name: name })),
  });
const PNG = Buffer.concat([
  Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x18\0\0\x01\x18\x01\0\0\0\0\0\0\0\0\0\0\0\x09IDAT', 'latin1'),
  Buffer.alloc(40),
]).toString('base64');
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } };
const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0xLjc=' } };

describe('a request to Messages', () => {
  it('tells the path what it needs to know', () => {
    expect(ask({ stream: true })).toMatchObject({
      model: 'claude-opus-4-8',
      stream: true,
      namedOutputTokens: 100,
      choices: 1,
      others: [],
      operation: '/messages',
    });
  });
  it.each<[object, string]>([
    [{ max_tokens: undefined }, 'max_tokens'],
    [{ max_tokens: null }, 'max_tokens'],
    [{ max_tokens: -1 }, 'max_tokens'],
    [{ max_tokens: 1e9 }, 'max_tokens'],
    [{ max_tokens: '5' }, 'max_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ model: '' }, 'model'],
    [{ model: 7 }, 'model'],
    [{ stream: 'yes' }, 'stream'],
    [content({ type: 'image', source: { type: 'file', file_id: 'file_1' } }), 'messages[0].content[0].source.file_id'],
    [content({ type: 'container_upload', file_id: 'file_1' }), 'messages[0].content[0].file_id'],
    [
      content({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'document', source: { file_id: 'f' } }] }),
      'messages[0].content[0].content[0].source.file_id',
    ],
    [
      {
        system: [
          { type: 'text', text: 'a' },
          { type: 'document', source: { file_id: 'f' } },
        ],
      },
      'system[1].source.file_id',
    ],
  ])(
    'is refused for every key where it is malformed, or names what is kept at the provider: %j',
    async (fields, param) => {
      expect(read(fields)).toMatchObject({ kind: 'refusal', code: 'invalid_request', param });
      const large = { ...fields, metadata: { user_id: 'x'.repeat(STEP_BYTES) } };
      expect(await read(large)).toMatchObject({ kind: 'refusal', code: 'invalid_request', param });
    },
  );
  it('may have a ceiling of zero, which only fills the cache of its prompt', () => {
    expect(ask({ max_tokens: 0 }).limits()).toMatchObject({ ceiling: 0 });
  });
  it.each<[string, string]>([
    ['{"model":"a","max_tokens":1,"MAX_TOKENS":9}', 'max_tokens'],
    ['{"model":"a","max_tokens":1,"max_tokens":9}', 'max_tokens'],
    ['{"model":"a","max_tokens":1,"messages":[{"role":"user","content":"a","content":"b"}]}', 'messages[0].content'],
    [
      '{"model":"a","max_tokens":1,"messages":[{"content":[{"type":"text","Type":"image"}]}]}',
      'messages[0].content[0].type',
    ],
    [
      '{"model":"a","max_tokens":1,"messages":[{"content":[{"type":"tool_result","content":[{"type":"image","source":{"data":"a","dat\\u0061":"b"}}]}]}]}',
      'messages[0].content[0].content[0].source.data',
    ],
    [
      '{"model":"a","max_tokens":1,"messages":[{"content":[{"type":"image","source":{"fileId":"f"}}]}]}',
      'messages[0].content[0].source.file_id',
    ],
    ['{"model":"a","max_tokens":1,"tools":[{"type":"custom","m\\u006fdel":"b"}]}', 'tools[0].model'],
    [
      '{"model":"a","max_tokens":1,"tools":[{"type":"web_search_20250305","max_uses":1,"Max_Uses":9}]}',
      'tools[0].max_uses',
    ],
  ])('is refused where some reader could understand another request: %s', (body, param) => {
    expect(anthropicMessages.read(Buffer.from(body))).toMatchObject({ code: 'invalid_request', param });
  });
  it('is sent as it came, but for the model', () => {
    const made = ask({ temperature: 0.5 });
    const call = {} as UpstreamCall;
    const sent = made.bodyFor({ model: 'claude-x' } as never, call).toString();
    expect(JSON.parse(sent)).toEqual({ ...BASE, temperature: 0.5, model: 'claude-x' });
    expect(made.bodyFor({ model: BASE.model } as never, call)).toBe(made.body);
    expect(call.injected).toMatchObject({ ceiling: null, streamOptions: false });
  });
});

describe('the bound of a request to Messages', () => {
  const limits = (fields: object): Limits => {
    const made = ask(fields).limits();
    if ('kind' in made) throw new Error(JSON.stringify(made));
    return made;
  };
  it('is the bytes of its text, and its ceiling', () => {
    expect(limits({})).toEqual({ contentTokensMax: bodyOf({}).length, media: [], ceiling: 100, choices: 1 });
  });
  it.each<[string, object]>([
    ['system text', { system: 'be kind' }],
    ['system blocks', { system: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral', ttl: '1h' } }] }],
    ['a system turn among the messages', { messages: [...BASE.messages, { role: 'system', content: 'b' }] }],
    [
      'thoughts',
      content({ type: 'thinking', thinking: 'a', signature: 's' }, { type: 'redacted_thinking', data: 'x' }),
    ],
    ['calls', content({ type: 'tool_use', id: 't', name: 'f', input: { type: 'image', source: { file_id: 7 } } })],
    ['results', content({ type: 'tool_result', tool_use_id: 't', is_error: true, content: 'no' })],
    ['results in blocks', content({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'a' }] })],
    [
      'results of a search',
      content({ type: 'search_result', source: 'https://a', title: 't', content: [{ type: 'text', text: 'a' }] }),
    ],
    ['documents of text', content({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a' } })],
    [
      'documents of blocks',
      content({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'a' }] } }),
    ],
    ['citations', content({ type: 'text', text: 'a', citations: [{ type: 'char_location', cited_text: 'b' }] })],
    ['no blocks', content()],
    [
      'an effort from one message on',
      { messages: [...BASE.messages, { role: 'system', content: [], output_config: { effort: 'high' } }] },
    ],
    [
      'parts of a cache',
      content(
        { type: 'text', text: 'a', cache_reference: 'r' },
        { type: 'tool_result', tool_use_id: 't', content: 'b', cache_reference: 't' },
      ),
    ],
    ['a tool that is taken away', content({ type: 'tool_removal', tool: { type: 'tool_reference', name: 'f' } })],
    ['a tool by its name', content({ type: 'tool_addition', tool: { type: 'tool_reference', name: 'f' } })],
    ['a tool by its definition', content(define({ name: 'f', input_schema: { type: 'object' } }))],
    ['a tool that a search has found', found('f')],
    ['several of them', found('f', 'g')],
  ])('takes for text: %s', (_what, fields) => expect(limits(fields)).toMatchObject({ media: [] }));

  it('has the definitions of tools once more where blocks name some', () => {
    const tools = [{ name: 'f', input_schema: { type: 'object' }, defer_loading: true }];
    const asked = { ...found('f'), tools };
    const { contentTokensMax, media } = limits(asked);
    const without = limits({ ...content({ type: 'text', text: 'a' }), tools }).contentTokensMax;
    const more = bodyOf(asked).length - bodyOf({ ...content({ type: 'text', text: 'a' }), tools }).length;
    expect([contentTokensMax, media]).toEqual([without + more + JSON.stringify(tools).length, []]);
    expect(ask(asked).countContent(() => 0)).toBeGreaterThanOrEqual(JSON.stringify(tools).length);
  });
  it('is the context for each tool that is named again: nobody says that it is read once', () => {
    expect(limits(found('f', 'g', 'f', '\u0066')).media).toEqual([{ kind: 'anything' }, { kind: 'anything' }]);
    const added = { type: 'tool_addition', tool: { type: 'tool_reference', name: 'f' } };
    const removed = { type: 'tool_removal', tool: { type: 'tool_reference', name: 'f' } };
    expect(limits(content(added, removed, added)).media).toEqual([{ kind: 'anything' }]);
  });
  it('counts what the provider runs, wherever it is defined', () => {
    const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 3 };
    const { providerTools, contextReads } = limits({ tools: [search] });
    expect(limits(content(define(search)))).toMatchObject({ providerTools, contextReads });
    expect(limits({ ...content(define(search)), tools: [search] })).toMatchObject({ contextReads: 7 });
  });
  it('has images wherever they are, and documents', () => {
    const fields = content(
      { ...image },
      { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'a' }, image] },
      { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
      { type: 'document', source: { type: 'content', content: [image] } },
      pdf,
    );
    expect(limits({ ...fields, system: [{ type: 'text', text: 'b' }] })).toMatchObject({
      media: [
        { kind: 'image', size: { width: 280, height: 280 } },
        { kind: 'image', size: { width: 280, height: 280 } },
        { kind: 'image', size: null },
        { kind: 'image', size: { width: 280, height: 280 } },
        { kind: 'anything' },
      ],
    });
    const text = limits(fields).contentTokensMax;
    expect(text).toBe(
      bodyOf(fields).length - 3 * PNG.length - 'https://a.example/b.png'.length - 'JVBERi0xLjc='.length,
    );
  });
  it.each([
    'server_tool_use',
    'web_search_tool_result',
    'web_fetch_tool_result',
    'code_execution_tool_result',
    'mcp_tool_result',
    'tool_reference',
    'fallback',
    'compaction',
  ])('is the context where a tool of the provider was used before: %s', (type) => {
    expect(limits(content({ type, content: { type: 'anything_at_all' }, tool_use_id: 't' }))).toMatchObject({
      media: [{ kind: 'anything' }],
    });
  });
  it.each<[string, object, string]>([
    ['a block that nobody knows', content({ type: 'video', source: {} }), 'messages[0].content[0]'],
    ['a block without a type', content({ text: 'a' }), 'messages[0].content[0]'],
    ['a type of Object.prototype', content({ type: 'constructor' }), 'messages[0].content[0]'],
    ['a block that is text', { messages: [{ role: 'user', content: ['a'] }] }, 'messages[0].content[0]'],
    ['text that holds more', content({ type: 'text', text: 'a', image: 'https://a' }), 'messages[0].content[0]'],
    [
      'text with a source',
      content({ type: 'text', text: 'a', source: { type: 'url', url: 'https://a' } }),
      'messages[0].content[0]',
    ],
    ['an image without a source', content({ type: 'image' }), 'messages[0].content[0]'],
    ['an image from text', content({ type: 'image', source: { type: 'text', data: 'a' } }), 'messages[0].content[0]'],
    [
      'a source that nobody knows',
      content({ type: 'image', source: { type: 'x', data: 'a' } }),
      'messages[0].content[0]',
    ],
    [
      'a source with two places',
      content({ type: 'image', source: { type: 'url', url: 'a', data: 'b' } }),
      'messages[0].content[0]',
    ],
    ['a tool that is added without one', content({ type: 'tool_addition' }), 'messages[0].content[0]'],
    [
      'a tool that is added in two ways',
      content({ type: 'tool_addition', tool: { type: 'tool_definition', name: 'f', definition: { name: 'f' } } }),
      'messages[0].content[0]',
    ],
    [
      'a name with a definition',
      content({ type: 'tool_addition', tool: { type: 'tool_reference', definition: { name: 'f' } } }),
      'messages[0].content[0]',
    ],
    [
      'a tool that holds more',
      content({ type: 'tool_addition', tool: { type: 'tool_reference', name: 'f', from: 'a' } }),
      'messages[0].content[0]',
    ],
    [
      'text that holds a tool',
      content({ type: 'text', text: 'a', tool: { type: 'tool_reference', name: 'f' } }),
      'messages[0].content[0]',
    ],
    [
      'a search among the messages that has no limit of uses',
      content(define({ type: 'web_search_20250305', name: 'web_search' })),
      'messages[0].content[0].tool.definition.max_uses',
    ],
    [
      'a definition that nobody knows',
      content(define({ name: 'f', runs_at: 'provider' })),
      'messages[0].content[0].tool.definition',
    ],
    ['content that is one block', { messages: [{ role: 'user', content: { type: 'text' } }] }, 'messages[0]'],
    ['a message that nobody knows', { messages: [{ role: 'user', content: 'a', images: ['b'] }] }, 'messages[0]'],
    ['messages that are text', { messages: 'hi' }, 'messages'],
    ['a message that is text', { messages: ['hi'] }, 'messages[0]'],
    ['a list in a list', { messages: [[{ role: 'user' }]] }, 'messages[0]'],
    ['a system prompt that is one block', { system: { type: 'text' } }, 'system'],
    [
      'something in a result',
      content(
        { type: 'text', text: 'a' },
        { type: 'tool_result', content: [{ type: 'text', text: 'b' }, { type: 'x' }] },
      ),
      'messages[0].content[1].content[1]',
    ],
  ])('is none for %s', (_what, fields, param) => {
    expect(ask(fields).limits()).toMatchObject({ kind: 'refusal', code: 'unbounded_cost', param });
  });
  it('finds in any content what a walk through the parsed body finds', () => {
    const text = fc.record({ type: fc.constant('text'), text: fc.string() });
    const picture = fc.constantFrom(image, { type: 'image', source: { type: 'url', url: 'https://a' } });
    const call = fc.record({
      type: fc.constant('tool_use'),
      id: fc.string(),
      input: fc.dictionary(fc.string(), fc.jsonValue()),
    });
    const result = fc.record({
      type: fc.constant('tool_result'),
      content: fc.oneof(fc.string(), fc.array(fc.oneof(text, picture))),
    });
    const block = fc.oneof(text, picture, call, result, fc.constant(pdf));
    const messages = fc.array(
      fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.oneof(fc.string(), fc.array(block)) }),
    );
    const countIn = (value: unknown): number =>
      Array.isArray(value)
        ? value.reduce((sum: number, each: { type?: string; content?: unknown }) => {
            const own = each.type === 'image' || each.type === 'document' ? 1 : 0;
            return sum + own + countIn(each.content);
          }, 0)
        : 0;
    fc.assert(
      fc.property(messages, fc.constantFrom(undefined, 2), (turns, indent) => {
        const body = Buffer.from(JSON.stringify({ ...BASE, messages: turns }, null, indent));
        const made = anthropicMessages.read(body) as Ask;
        const bound = made.limits() as Limits;
        expect(bound.media.length).toBe(turns.reduce((sum, turn) => sum + countIn(turn.content), 0));
      }),
    );
  });
  it('never takes a body with an unknown block for bounded, wherever it is', () => {
    const unknown = { type: 'hologram', data: 'x' };
    const within = fc.letrec<{ blocks: unknown[] }>((tie) => ({
      blocks: fc.oneof(
        { maxDepth: 12, depthSize: 'max' },
        fc.constant<unknown[]>([unknown]),
        tie('blocks').map((blocks) => [
          { type: 'text', text: 'a' },
          { type: 'tool_result', tool_use_id: 't', content: blocks },
        ]),
      ),
    })).blocks;
    fc.assert(
      fc.property(within, (blocks) => {
        expect(ask(content(...blocks)).limits()).toMatchObject({ code: 'unbounded_cost' });
      }),
    );
  });
});

describe('the tools of a request to Messages', () => {
  const tools = (...list: unknown[]) => ask({ tools: list });
  const own = {
    name: 'f',
    description: 'd',
    input_schema: { type: 'object', properties: { type: { type: 'string' } } },
  };

  it('are text where the caller runs them, with a text that the provider adds', () => {
    const made = tools(own, { ...own, type: 'custom' }, { type: 'bash_20250124', name: 'bash' });
    expect(made.others).toEqual([]);
    const { contentTokensMax } = made.limits() as Limits;
    expect(contentTokensMax).toBe(made.body.length + 2 * 1_024);
  });
  it('B7: are a context for each use that the provider may make of them, and its fee', () => {
    const made = tools(own, { type: 'web_search_20250305', name: 'web_search', max_uses: 3 });
    expect(made.limits()).toMatchObject({ contextReads: 4, providerTools: [{ names: ['web_search'], callsMax: 3 }] });
    const fetching = tools({ type: 'web_fetch_20250910', name: 'web_fetch', max_uses: 2 });
    // A page that is fetched has no fee at Anthropic, but a price may name one.
    expect(fetching.limits()).toMatchObject({
      contextReads: 3,
      providerTools: [{ names: ['web_fetch'], callsMax: 2 }],
    });
    expect(made.mayReadMore('claude')).toBe(true);
  });
  it.each(['web_search_20260318', 'web_fetch_20250910'])(
    'are bounded where the model itself calls them: %s',
    (type) => {
      const made = tools(
        { type, name: 'x', max_uses: 2, allowed_callers: ['direct'] },
        { ...own, allowed_callers: [] },
      );
      expect(made.others).toEqual([]);
      expect(made.limits()).toMatchObject({ contextReads: 3 });
    },
  );
  it.each<[unknown, string]>([
    [{ type: 'web_search_20250305', name: 'web_search' }, 'tools[0].max_uses'],
    [{ type: 'web_search_20250305', name: 'web_search', max_uses: null }, 'tools[0].max_uses'],
    [{ type: 'web_search_20250305', name: 'web_search', max_uses: 1e9 }, 'tools[0].max_uses'],
    [{ type: 'web_search_20250305', name: 'web_search', max_uses: '3' }, 'tools[0].max_uses'],
    [{ type: 'web_search_20260209', name: 'web_search', max_uses: 1 }, 'tools[0].allowed_callers'],
    [{ type: 'web_fetch_20260318', name: 'web_fetch', max_uses: 1, allowed_callers: null }, 'tools[0].allowed_callers'],
    ...[
      [],
      ['direct', 'code_execution_20260120'],
      ['code_execution_20260120', 'direct'],
      'direct',
      [['direct'], 7],
    ].map((allowed_callers): [unknown, string] => [
      { type: 'web_search_20250305', name: 'web_search', max_uses: 1, allowed_callers },
      'tools[0].allowed_callers',
    ]),
    [{ type: 'code_execution_20250825', name: 'code_execution' }, 'tools[0]'],
    [{ type: 'mcp_toolset', mcp_server_name: 'a' }, 'tools[0]'],
    [{ type: 'tool_of_tomorrow_20270101', name: 'a', max_uses: 1 }, 'tools[0]'],
    [{ ...own, runs_at: 'provider' }, 'tools[0]'],
    ['web_search', 'tools[0]'],
    [[own], 'tools[0]'],
  ])('have no bound, and the refusal says what to set: %j', (tool, param) => {
    expect(tools(tool).others).toMatchObject([{ name: 'tools', use: 'unbounded', reason: { param } }]);
  });
  it.each([
    '{"type":"\\u0061dvisor_20260301","name":"advisor"}',
    '{"type":"web_search_20250305","model":{"id":"b"},"max_uses":1}',
  ])('leads elsewhere where a tool asks another model, in any spelling: %s', (tool) => {
    const made = anthropicMessages.read(Buffer.from(`{"model":"a","max_tokens":1,"tools":[${tool}]}`));
    expect(made).toMatchObject({ others: [{ name: 'tools', use: 'elsewhere', reason: { param: 'tools[0].model' } }] });
  });
  it.each<[object, string]>([
    [{ tools: [{ type: 'advisor_20260301', name: 'advisor', model: 'claude-opus-4-8', max_uses: 1 }] }, 'tools'],
    [content(define({ type: 'advisor_20260301', name: 'advisor', model: 'claude-opus-4-8' })), 'messages'],
    [content({ type: 'x', tool: { definition: { model: 'claude-opus-4-8' } } }), 'messages'],
    [{ fallbacks: [{ model: 'claude-opus-4-8' }] }, 'fallbacks'],
    [{ fallbacks: 'default' }, 'fallbacks'],
    [{ models: ['a', 'b'] }, 'models'],
    [{ mcp_servers: [{ type: 'url', url: 'https://a' }] }, 'mcp_servers'],
    [{ container: 'container_1' }, 'container'],
    [{ container: { skills: [] } }, 'container'],
  ])(
    'and fields that name other models, servers or what is kept at the provider lead elsewhere: %j',
    (fields, name) => {
      expect(ask(fields).others).toMatchObject([{ name, use: 'elsewhere' }]);
    },
  );
});

describe('the other fields of a request to Messages', () => {
  it('are what Claude Code sends with every call', () => {
    const sent = {
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: cc_version=2; cch=71fea;' },
        {
          type: 'text',
          text: 'You are Claude Code.',
          cache_control: { type: 'ephemeral', ttl: '1h', scope: 'global' },
        },
      ],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }] },
        { role: 'system', content: 'a reminder', output_config: { effort: 'high' } },
      ],
      thinking: { type: 'adaptive', budget_tokens: 0 },
      output_config: { effort: 'high' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      diagnostics: { previous_message_id: null },
      safeguards: [{ type: 'dangerous_tool_use', classifier_context: { v: 1, permission_mode: 'auto' } }],
      metadata: { user_id: 'user_1' },
      stream: true,
      temperature: 1,
      tools: [
        { name: 'Bash', description: 'd', input_schema: { type: 'object' }, eager_input_streaming: true },
        { name: 'mcp__x', description: 'd', input_schema: { type: 'object' }, defer_loading: true },
      ],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    };
    expect(ask(sent).others).toEqual([]);
    expect(ask(sent).limits()).toMatchObject({ ceiling: 100, media: [] });
  });
  it.each<[object, string]>([
    [{ context_management: { edits: [{ type: 'compact_20260112' }] } }, 'context_management'],
    [{ compaction: { enabled: true } }, 'compaction'],
    [{ anthropic_beta: ['fast-mode-2026-02-01'] }, 'anthropic_beta'],
    [{ a_field_of_tomorrow: 1 }, 'a_field_of_tomorrow'],
  ])('have no bound where they ask for more than one pass, or nobody knows them: %j', (fields, name) => {
    expect(ask(fields).others).toMatchObject([{ name }]);
  });
});

describe('the estimate of a request to Messages', () => {
  it('counts an image by a figure, not by its base64', () => {
    const large = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(200_000) } };
    const { inputTokensEstimate } = ask(content({ type: 'tool_result', tool_use_id: 't', content: [large] }));
    expect(inputTokensEstimate).toBeGreaterThan(1_000);
    expect(inputTokensEstimate).toBeLessThan(1_300);
  });
  it('is a token for four bytes of text', () => {
    expect(ask().inputTokensEstimate).toBe(Math.ceil(bodyOf({}).length / 4));
  });
});
