import { describe, expect, it } from 'vitest';
import type { Conversation, Tool, Turn } from '../conversation.js';
import type { Fault, JsonObject, WrittenRequest } from '../dialect-codec.js';
import { isFault } from '../fault.js';
import { packSeal } from '../foreign-seal.js';
import { WRITE_CONTEXT } from '../testing/contexts.js';
import { openaiResponses } from './codec.js';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB';
const JPEG = '/9j/4AAQSkZJRgABAQAAAQABAAD';
const USER = { role: 'user', content: 'Hi' };
const ASKED = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' };
const text = (value: string): { kind: 'text'; text: string } => ({ kind: 'text', text: value });

/** The turns of a request whose input is these items. */
function turnsOf(...items: readonly unknown[]): readonly Turn[] | Fault {
  const read = openaiResponses.readRequest({ input: items });
  return isFault(read) ? read : read.turns;
}

/** The conversation of a request, which must be one. */
function read(body: JsonObject): Conversation {
  const conversation = openaiResponses.readRequest({ input: 'Hi', ...body });
  if (isFault(conversation)) throw new Error(`${conversation.param}: ${conversation.message}`);
  return conversation;
}

/** The field that a request is refused for; null if it is read. */
function refusedFor(body: JsonObject): string | null {
  const conversation = openaiResponses.readRequest({ input: 'Hi', ...body });
  return isFault(conversation) ? conversation.param : null;
}

function write(conversation: Partial<Conversation>): WrittenRequest | Fault {
  return openaiResponses.writeRequest({ ...read({}), ...conversation }, WRITE_CONTEXT);
}

function written(conversation: Partial<Conversation>): WrittenRequest {
  const request = write(conversation);
  if (isFault(request)) throw new Error(`${request.param}: ${request.message}`);
  return request;
}

describe('input of Responses', () => {
  it.each<readonly [name: string, items: readonly unknown[], turns: readonly Turn[]]>([
    ['a message without type', [USER], [{ role: 'user', parts: [text('Hi')] }]],
    [
      'a message with type, id, status and phase',
      [{ type: 'message', id: 'msg_1', role: 'user', status: 'completed', phase: null, content: 'Hi' }],
      [{ role: 'user', parts: [text('Hi')] }],
    ],
    [
      'a list of one text, as a string',
      [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }],
      [{ role: 'user', parts: [text('Hi')] }],
    ],
    [
      'what developer and system say, in its place',
      [
        USER,
        { role: 'developer', content: 'Be brief' },
        { role: 'system', content: [{ type: 'input_text', text: 'Now' }] },
      ],
      [
        { role: 'user', parts: [text('Hi')] },
        { role: 'system', parts: [text('Be brief')] },
        { role: 'system', parts: [text('Now')] },
      ],
    ],
    [
      'texts beside calls and refusals, as one turn of the assistant',
      [
        { role: 'assistant', content: 'Let me see' },
        { ...ASKED, id: 'fc_1', status: 'completed' },
        { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No' }] },
      ],
      [
        {
          role: 'assistant',
          parts: [
            text('Let me see'),
            { kind: 'tool_call', id: 'c1', name: 'f', input: '{}', custom: false },
            { kind: 'refusal', text: 'No' },
          ],
        },
      ],
    ],
    [
      'images by address and by data, labelled by their first bytes',
      [
        {
          role: 'user',
          content: [
            { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'low' },
            { type: 'input_image', image_url: `data:image/png;base64,${JPEG}` },
            { type: 'input_image', image_url: `data:image/jpg;base64,${PNG}`, file_id: null },
          ],
        },
      ],
      [
        {
          role: 'user',
          parts: [
            { kind: 'image', source: { kind: 'url', url: 'https://example.com/a.png' }, detail: 'low' },
            { kind: 'image', source: { kind: 'data', mediaType: 'image/jpeg', base64: JPEG }, detail: null },
            { kind: 'image', source: { kind: 'data', mediaType: 'image/png', base64: PNG }, detail: null },
          ],
        },
      ],
    ],
    [
      'files: a PDF under any label, a text, an address',
      [
        {
          role: 'user',
          content: [
            { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/octet-stream;base64,JVBERi0x' },
            { type: 'input_file', filename: 'a.txt', file_data: 'data:text/plain;base64,w6k=' },
            { type: 'input_file', file_url: 'https://example.com/a.pdf' },
          ],
        },
      ],
      [
        {
          role: 'user',
          parts: [
            {
              kind: 'document',
              source: { kind: 'data', mediaType: 'application/pdf', base64: 'JVBERi0x' },
              name: 'a.pdf',
              citations: false,
            },
            { kind: 'document', source: { kind: 'text', text: 'é' }, name: 'a.txt', citations: false },
            {
              kind: 'document',
              source: { kind: 'url', url: 'https://example.com/a.pdf' },
              name: null,
              citations: false,
            },
          ],
        },
      ],
    ],
    [
      'sound',
      [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }] }],
      [{ role: 'user', parts: [{ kind: 'audio', format: 'wav', base64: 'UklGRg==' }] }],
    ],
    [
      'results as text and as lists with images, as one turn',
      [
        { type: 'function_call_output', call_id: 'c1', output: 'done' },
        {
          type: 'custom_tool_call_output',
          call_id: 'c2',
          output: [
            { type: 'input_text', text: 'see' },
            { type: 'input_image', image_url: `data:image/png;base64,${PNG}` },
          ],
        },
      ],
      [
        {
          role: 'tool',
          results: [
            { callId: 'c1', parts: [text('done')], isError: false, custom: false },
            {
              callId: 'c2',
              parts: [
                text('see'),
                { kind: 'image', source: { kind: 'data', mediaType: 'image/png', base64: PNG }, detail: null },
              ],
              isError: false,
              custom: true,
            },
          ],
        },
      ],
    ],
    [
      'calls without arguments',
      [{ ...ASKED, arguments: '' }],
      [{ role: 'assistant', parts: [{ kind: 'tool_call', id: 'c1', name: 'f', input: '{}', custom: false }] }],
    ],
    [
      'calls of custom tools, in namespaces too',
      [{ type: 'custom_tool_call', call_id: 'c1', namespace: 'functions', name: 'exec', input: 'ls\n' }],
      [
        {
          role: 'assistant',
          parts: [{ kind: 'tool_call', id: 'c1', name: 'functions.exec', input: 'ls\n', custom: true }],
        },
      ],
    ],
    [
      'thoughts with their seals: of OpenAI, and of the model that made them',
      [
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm' }], encrypted_content: 'gAAA' },
        {
          type: 'reasoning',
          summary: [],
          encrypted_content: packSeal({ maker: 'anthropic', kind: 'redacted', data: 'Zm9v' }),
        },
        { type: 'reasoning', summary: [], encrypted_content: null },
      ],
      [
        {
          role: 'assistant',
          parts: [
            { kind: 'thinking', text: 'Hm', sealed: { maker: 'openai', kind: 'encrypted', data: 'gAAA', id: 'rs_1' } },
            { kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'redacted', data: 'Zm9v' } },
          ],
        },
      ],
    ],
    [
      'what agents of Codex tell each other',
      [{ type: 'agent_message', author: 'a', recipient: 'b', content: [{ type: 'input_text', text: 'Done' }] }],
      [{ role: 'user', parts: [text('Message from a to b:'), text('Done')] }],
    ],
    ['no texts that are empty', [{ role: 'assistant', content: '' }, USER], [{ role: 'user', parts: [text('Hi')] }]],
  ])('carries %s', (_name, items, turns) => expect(turnsOf(...items)).toEqual(turns));

  it('may be one text', () => expect(read({ input: 'Hi' }).turns).toEqual([{ role: 'user', parts: [text('Hi')] }]));

  it('follows the instructions', () =>
    expect(read({ instructions: 'Be brief' }).turns[0]).toEqual({ role: 'system', parts: [text('Be brief')] }));

  it('leaves out what tools of OpenAI did, by name, and declares the tools that were found', () => {
    const conversation = read({
      input: [
        { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'x' } },
        { type: 'tool_search_call', call_id: 'c1', execution: 'client', arguments: {} },
        { type: 'tool_search_output', call_id: 'c1', tools: [{ type: 'function', name: 'found' }] },
        USER,
      ],
    });
    expect(conversation.leftOut).toEqual(['web_search_call', 'tool_search_call']);
    expect(conversation.tools).toMatchObject([{ kind: 'function', name: 'found' }]);
  });

  it.each<readonly [field: string, item: unknown]>([
    ['input[1]', { type: 'item_reference', id: 'rs_1' }],
    ['input[1]', { id: 'rs_1' }],
    ['input[1]', { type: 'compaction', encrypted_content: 'x' }],
    ['input[1]', 'Hi'],
    ['input[1].type', { type: 'computer_call', call_id: 'c' }],
    ['input[1].type', { type: 'local_shell_call', call_id: 'c' }],
    ['input[1].type', { type: 'mcp_approval_response' }],
    ['input[1].role', { role: 'tool', content: 'x' }],
    ['input[1].content', { role: 'user', content: 5 }],
    ['input[1].content[0]', { role: 'user', content: ['x'] }],
    ['input[1].content[0].type', { role: 'user', content: [{ type: 'video', url: 'x' }] }],
    ['input[1].content[0].text', { role: 'user', content: [{ type: 'input_text' }] }],
    ['input[1].content[0].file_id', { role: 'user', content: [{ type: 'input_image', file_id: 'file-1' }] }],
    ['input[1].content[0].file_id', { role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }],
    ['input[1].content[0].image_url', { role: 'user', content: [{ type: 'input_image', image_url: 'data:,x' }] }],
    ['input[1].content[0]', { role: 'user', content: [{ type: 'input_file', filename: 'a' }] }],
    ['input[1].content[0].type', { role: 'system', content: [{ type: 'input_image', image_url: 'https://a' }] }],
    ['input[1].arguments', { ...ASKED, arguments: '[1]' }],
    ['input[1].arguments', { ...ASKED, arguments: '{"a":' }],
    ['input[1].arguments', { ...ASKED, arguments: {} }],
    ['input[1].call_id', { ...ASKED, call_id: undefined }],
    ['input[1].name', { ...ASKED, name: '' }],
    ['input[1].input', { type: 'custom_tool_call', call_id: 'c', name: 'x', input: {} }],
    ['input[1].call_id', { type: 'function_call_output', output: 'x' }],
    [
      'input[1].output[0].file_id',
      { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_file', file_id: 'f' }] },
    ],
  ])('is refused for %s: %j', (field, item) => expect(refusedFor({ input: [USER, item] })).toBe(field));

  it.each([{ type: 'item_reference', id: 'rs_1' }, { id: 'rs_1' }])('says what to set instead of %j', (item) =>
    expect(openaiResponses.readRequest({ input: [USER, item] })).toMatchObject({
      message: expect.stringContaining('store to false'),
    }),
  );
});

describe('fields of Responses', () => {
  it.each<readonly [field: string, body: JsonObject]>([
    ['background', { background: true }],
    ['conversation', { conversation: 'conv_1' }],
    ['max_tool_calls', { max_tool_calls: 3 }],
    ['moderation', { moderation: { model: 'omni-moderation-latest' } }],
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['prompt', { prompt: { id: 'pmpt_1' } }],
    ['truncation', { truncation: 'auto' }],
    ['unheard_of', { unheard_of: 1 }],
    ['input', { input: [] }],
    ['input', { input: '' }],
    ['input', { input: null }],
    ['instructions', { instructions: ['x'] }],
    ['temperature', { temperature: 'hot' }],
    ['max_output_tokens', { max_output_tokens: '5' }],
    ['stream', { stream: 'yes' }],
    ['metadata', { metadata: { a: 1 } }],
    ['reasoning', { reasoning: 'high' }],
    ['reasoning.mode', { reasoning: { mode: 'pro' } }],
    ['reasoning.depth', { reasoning: { depth: 3 } }],
    ['text.verbosity', { text: { verbosity: 'loud' } }],
    ['text.format.type', { text: { format: { type: 'xml' } } }],
    ['text.format.schema', { text: { format: { type: 'json_schema', name: 'a' } } }],
    ['tools', { tools: {} }],
    ['tools[0].name', { tools: [{ type: 'function', name: 'a.b' }] }],
    ['tools[0].name', { tools: [{ type: 'function', function: { name: 'a' } }] }],
    ['tools[0].type', { tools: [{ name: 'a' }] }],
    ['tools[0].tools[0].name', { tools: [{ type: 'namespace', name: 'a', tools: [{ type: 'function' }] }] }],
    ['tools[0].allowed_callers', { tools: [{ type: 'function', name: 'a', allowed_callers: ['programmatic'] }] }],
    ['tool_choice', { tool_choice: 'sometimes' }],
    ['tool_choice', { tool_choice: { type: 'function' } }],
    [
      'tool_choice.tools',
      { tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'x' }] } },
    ],
  ])('are refused for %s: %j', (field, body) => expect(refusedFor(body)).toBe(field));

  it.each<JsonObject>([
    { background: false, truncation: 'disabled', store: true },
    { previous_response_id: null, conversation: null, prompt: null, max_tool_calls: null },
    { client_metadata: { a: 'b' }, access_programs: {}, context_management: [{ type: 'compaction' }] },
    { include: ['reasoning.encrypted_content', 'web_search_call.action.sources'], stream_options: {} },
    { prompt_cache_options: { mode: 'implicit' }, prompt_cache_retention: '24h', image: {} },
    { reasoning: { context: 'all_turns', mode: 'standard' }, text: {} },
    { top_p: 1, top_logprobs: 0 },
  ])('do no harm: %j', (body) => expect(read(body)).toEqual(read({})));

  it('say the same under older names', () => {
    expect(read({ reasoning: { generate_summary: 'auto' } })).toEqual(read({ reasoning: { summary: 'auto' } }));
    expect(read({ safety_identifier: 'u', user: 'v' })).toEqual(read({ user: 'u' }));
  });
});

describe('tools of Responses', () => {
  const grammar = { type: 'grammar', syntax: 'lark', definition: 'start: patch' };
  const declared = [
    { type: 'function', name: 'shell', description: 'Runs', strict: false, parameters: { type: 'object' } },
    { type: 'custom', name: 'apply_patch', description: 'Patches', format: grammar },
    {
      type: 'namespace',
      name: 'mail',
      description: 'About mail.',
      tools: [
        { type: 'function', name: 'search', description: 'Searches', defer_loading: true },
        { type: 'custom', name: 'send' },
      ],
    },
    { type: 'web_search', external_web_access: false },
    { type: 'mcp', server_label: 'docs', server_url: 'https://example.com' },
  ];
  const tools: readonly Tool[] = [
    { kind: 'function', name: 'shell', description: 'Runs', parameters: { type: 'object' }, strict: false },
    { kind: 'custom', name: 'apply_patch', description: 'Patches', format: grammar },
    { kind: 'function', name: 'mail.search', description: 'About mail.\n\nSearches', parameters: null, strict: null },
    { kind: 'custom', name: 'mail.send', description: null, format: null },
    { kind: 'builtin', type: 'web_search', name: 'web_search', definition: declared[3] ?? {} },
    { kind: 'builtin', type: 'mcp', name: 'docs', definition: declared[4] ?? {} },
  ];

  it('are functions, custom ones, those of namespaces, and those that OpenAI runs', () =>
    expect(read({ tools: declared }).tools).toEqual(tools));

  it('may come between the turns, as newer versions of Codex send them', () =>
    expect(read({ input: [{ type: 'additional_tools', role: 'developer', tools: declared }, USER] }).tools).toEqual(
      tools,
    ));

  it('that are declared twice count once', () =>
    expect(read({ tools: declared, input: [{ type: 'additional_tools', tools: declared }, USER] }).tools).toEqual(
      tools,
    ));

  it.each<readonly [value: unknown, choice: unknown]>([
    ['auto', { kind: 'auto' }],
    ['none', { kind: 'none' }],
    ['required', { kind: 'required' }],
    [
      { type: 'function', name: 'shell' },
      { kind: 'tool', name: 'shell' },
    ],
    [
      { type: 'custom', name: 'apply_patch' },
      { kind: 'tool', name: 'apply_patch' },
    ],
    [
      { type: 'custom', namespace: 'mail', name: 'send' },
      { kind: 'tool', name: 'mail.send' },
    ],
    [{ type: 'web_search' }, { kind: 'tool', name: 'web_search' }],
    [
      { type: 'mcp', server_label: 'docs' },
      { kind: 'tool', name: 'docs' },
    ],
  ])('are chosen by %j', (value, choice) =>
    expect(read({ tools: declared, tool_choice: value }).toolChoice).toEqual(choice),
  );

  it('are fewer if only some are allowed', () => {
    const allowed = [{ type: 'function', name: 'shell' }, { type: 'web_search' }];
    const conversation = read({
      tools: declared,
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: allowed },
    });
    expect(conversation.toolChoice).toEqual({ kind: 'required' });
    expect(conversation.tools.map(({ name }) => name)).toEqual(['shell', 'web_search']);
  });

  it('are not forced by calls one at a time', () => {
    const conversation = read({ tools: declared, parallel_tool_calls: false });
    expect([conversation.toolChoice, conversation.parallelToolCalls]).toEqual([null, false]);
  });
});

describe('a request that is written for Responses', () => {
  const builtin: Tool = { kind: 'builtin', type: 'web_search_20250305', name: 'web_search', definition: {} };
  const own: Tool = { kind: 'function', name: 'f', description: null, parameters: null, strict: null };

  it.each<readonly [name: string, conversation: Partial<Conversation>, body: JsonObject]>([
    ['keeps nothing at the provider', {}, { store: false, input: [{ type: 'message', role: 'user' }] }],
    [
      'has one text of the operator as instructions, and others in their places',
      {
        turns: [
          { role: 'system', parts: [text('A')] },
          { role: 'user', parts: [text('B')] },
          { role: 'system', parts: [text('C')] },
        ],
      },
      {
        instructions: 'A',
        input: [{ role: 'user' }, { role: 'system', content: [{ type: 'input_text', text: 'C' }] }],
      },
    ],
    [
      'has what the operator says as input if nobody says more',
      { turns: [{ role: 'system', parts: [text('A')] }] },
      { input: [{ role: 'system', content: [{ type: 'input_text', text: 'A' }] }] },
    ],
    [
      'sends thoughts back as they were, unless nothing follows them',
      {
        turns: ['rs_1', 'rs_2']
          .map((id, at) => ({
            role: 'assistant',
            parts: [
              ...(at === 0 ? [] : [text('A')]),
              { kind: 'thinking', text: 'Hm', sealed: { maker: 'openai', kind: 'encrypted', data: 'gAAA', id } },
              ...(at === 0 ? [text('B')] : []),
            ],
          }))
          .flatMap((turn) => [turn as Turn, { role: 'user', parts: [text('C')] }]),
      },
      {
        input: [
          {
            type: 'reasoning',
            id: 'rs_1',
            summary: [{ type: 'summary_text', text: 'Hm' }],
            encrypted_content: 'gAAA',
          },
          { role: 'assistant', content: [{ type: 'output_text', text: 'B' }] },
          { role: 'user' },
          { role: 'assistant', content: [{ type: 'output_text', text: 'A' }] },
          { role: 'user' },
        ],
        include: ['reasoning.encrypted_content'],
      },
    ],
    [
      'says of each function whether it is strict',
      {
        tools: [own, { ...own, name: 'g', parameters: { type: 'object', additionalProperties: false }, strict: true }],
      },
      {
        tools: [
          { type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false },
          { name: 'g', strict: true },
        ],
      },
    ],
    [
      'chooses custom tools as such',
      {
        tools: [{ kind: 'custom', name: 'p', description: null, format: null }],
        toolChoice: { kind: 'tool', name: 'p' },
      },
      { tools: [{ type: 'custom', name: 'p' }], tool_choice: { type: 'custom', name: 'p' } },
    ],
    [
      'never raises the ceiling',
      { outputTokensMax: 5, reasoning: { effort: 'high', budgetTokens: null, summary: null } },
      { max_output_tokens: 5, reasoning: { effort: 'high' }, include: ['reasoning.encrypted_content'] },
    ],
    [
      'gives a function without arguments an object without properties',
      { tools: [{ kind: 'function', name: 'f', description: null, parameters: { type: 'object' }, strict: null }] },
      { tools: [{ type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false }] },
    ],
    [
      'calls nothing strict that OpenAI would refuse as strict',
      {
        format: { kind: 'json_schema', name: 'a', description: null, schema: { type: 'object' }, strict: true },
        tools: [{ kind: 'function', name: 'f', description: null, parameters: { type: 'object' }, strict: true }],
      },
      {
        text: { format: { type: 'json_schema', name: 'a', schema: { type: 'object' } } },
        tools: [{ type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false }],
      },
    ],
    [
      'asks for no thoughts where none are wanted',
      { reasoning: { effort: 'none', budgetTokens: null, summary: null } },
      { reasoning: { effort: 'none' } },
    ],
    [
      'says that a tool failed',
      {
        turns: [
          { role: 'assistant', parts: [{ kind: 'tool_call', id: 'c', name: 'f', input: '{}', custom: false }] },
          { role: 'tool', results: [{ callId: 'c', parts: [text('no')], isError: true, custom: false }] },
        ],
      },
      { input: [{ type: 'function_call' }, { type: 'function_call_output', output: 'The tool failed: no' }] },
    ],
  ])('%s', (_name, conversation, body) => expect(written(conversation).body).toMatchObject(body));

  it('leaves out tools of other makers, and thoughts that OpenAI cannot read, by name', () => {
    const request = written({
      leftOut: ['web_search_call'],
      tools: [builtin, own],
      toolChoice: { kind: 'auto' },
      turns: [
        {
          role: 'assistant',
          parts: [
            { kind: 'thinking', text: 'Hm', sealed: { maker: 'anthropic', kind: 'signature', data: 'x' } },
            text('A'),
          ],
        },
        { role: 'user', parts: [text('B')] },
      ],
    });
    expect(request.leftOut).toEqual(['web_search_call', 'thinking', 'web_search']);
    expect(request.body).toMatchObject({ tools: [{ name: 'f' }], input: [{ role: 'assistant' }, { role: 'user' }] });
  });

  it.each<readonly [field: string, conversation: Partial<Conversation>]>([
    ['stop', { stop: ['\n'] }],
    ['top_k', { topK: 5 }],
    ['frequency_penalty', { frequencyPenalty: 1 }],
    ['presence_penalty', { presencePenalty: -1 }],
    ['seed', { seed: 7 }],
    ['logit_bias', { logitBias: { '1': 5 } }],
    ['logprobs', { topLogprobs: 0 }],
    ['audio', { turns: [{ role: 'user', parts: [{ kind: 'audio', format: 'wav', base64: 'x' }] }] }],
    [
      'documents',
      {
        turns: [
          {
            role: 'user',
            parts: [{ kind: 'document', source: { kind: 'text', text: 'x' }, name: null, citations: true }],
          },
        ],
      },
    ],
    ['turns', { turns: [{ role: 'assistant', parts: [text('x')] }] }],
    ['turns', { turns: [{ role: 'tool', results: [{ callId: 'c', parts: [], isError: false, custom: false }] }] }],
    ['tool_choice', { tools: [builtin], toolChoice: { kind: 'required' } }],
    ['tool_choice', { tools: [builtin, own], toolChoice: { kind: 'tool', name: 'web_search' } }],
  ])('is refused for %s: %j', (field, conversation) =>
    expect(write(conversation)).toMatchObject({ kind: 'fault', param: `field of ${field}` }),
  );

  it('asks for nothing that is the default anyway', () =>
    expect(written({ frequencyPenalty: 0, presencePenalty: 0, logitBias: {} }).body).toEqual(written({}).body));

  it('fits long names and ids, the same for calls, results, declarations and the choice', () => {
    const [name, id] = ['mcp__server__'.padEnd(80, 'x'), 'call_'.padEnd(90, 'y')];
    const request = written({
      tools: [
        { ...own, name },
        { ...own, name: `${name}2` },
      ],
      toolChoice: { kind: 'tool', name },
      turns: [
        { role: 'assistant', parts: [{ kind: 'tool_call', id, name, input: '{}', custom: false }] },
        { role: 'tool', results: [{ callId: id, parts: [text('ok')], isError: false, custom: false }] },
      ],
    });
    const {
      tools,
      tool_choice: choice,
      input,
    } = request.body as {
      tools: { name: string }[];
      tool_choice: { name: string };
      input: { name: string; call_id: string }[];
    };
    const sent = tools[0]?.name ?? '';
    expect(sent).toMatch(/^mcp__server__x+_[0-9a-f]{12}$/);
    expect([sent.length, tools[1]?.name === sent]).toEqual([64, false]);
    expect([choice.name, input[0]?.name, request.names.original(sent)]).toEqual([sent, sent, name]);
    expect(input[0]?.call_id).toHaveLength(64);
    expect(input[1]?.call_id).toBe(input[0]?.call_id);
  });

  it('sends no effort to models that do not reason', () => {
    const reasoning = { effort: 'high', budgetTokens: null, summary: 'auto' };
    const request = openaiResponses.writeRequest({ ...read({}), reasoning }, { ...WRITE_CONTEXT, model: 'gpt-4.1' });
    expect(request).toMatchObject({ leftOut: ['field of reasoning'] });
    expect((request as WrittenRequest).body).not.toHaveProperty('reasoning');
  });
});
