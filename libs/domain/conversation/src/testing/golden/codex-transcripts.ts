import type { JsonObject } from '../../dialect-codec.js';
import { packSeal } from '../../foreign-seal.js';
import type { Transcript } from './transcripts.js';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB';
const EXEC = {
  type: 'custom',
  name: 'exec',
  description: 'Runs a program.',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: /[^]+/' },
};
const PATCH = '*** Begin Patch\n*** Update File: a.ts\n-"a"\n+"b"\n*** End Patch';

/** What Codex sends with each turn, as its versions up to 0.143 did: its tools stand in `tools`. */
const CODEX: JsonObject = {
  model: 'codex',
  instructions: 'You are Codex.',
  tools: [
    {
      type: 'function',
      name: 'shell_command',
      description: 'Runs a command.',
      strict: false,
      parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
    },
    { ...EXEC, name: 'apply_patch', description: 'Changes files.' },
    {
      type: 'namespace',
      name: 'mcp__mail',
      description: 'Reads mail.',
      tools: [
        {
          type: 'function',
          name: 'search',
          description: 'Finds mails.',
          strict: false,
          parameters: { type: 'object', properties: { query: { type: 'string' } } },
        },
      ],
    },
    { type: 'web_search', external_web_access: false },
  ],
  tool_choice: 'auto',
  parallel_tool_calls: true,
  reasoning: { effort: 'medium', summary: 'auto' },
  store: false,
  stream: true,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: '0199c2a4-7f3e-7000-8000-000000000000',
  client_metadata: { session_id: '0199c2a4' },
};

/** The conversation of a turn in which Codex has seen an image and has changed a file. */
const HISTORY: readonly JsonObject[] = [
  { type: 'message', role: 'developer', content: [{ type: 'input_text', text: '<permissions>' }] },
  { type: 'message', role: 'user', content: [{ type: 'input_text', text: '<environment_context>' }] },
  {
    type: 'message',
    role: 'user',
    content: [
      { type: 'input_text', text: 'Make it like this.' },
      { type: 'input_image', image_url: `data:image/png;base64,${PNG}` },
    ],
  },
  {
    type: 'reasoning',
    id: 'rs_1',
    summary: [{ type: 'summary_text', text: 'I look at the file first.' }],
    content: null,
    encrypted_content: packSeal({ maker: 'anthropic', kind: 'signature', data: 'EqQBCkYIBxgC' }),
  },
  {
    type: 'message',
    role: 'assistant',
    phase: 'commentary',
    content: [{ type: 'output_text', text: 'I look.' }],
  },
  { type: 'function_call', name: 'shell_command', arguments: '{"command":"cat a.ts"}', call_id: 'call_1' },
  { type: 'function_call', name: 'search', namespace: 'mcp__mail', arguments: '{"query":"a.ts"}', call_id: 'call_2' },
  { type: 'function_call_output', call_id: 'call_1', output: '"a"' },
  {
    type: 'function_call_output',
    call_id: 'call_2',
    output: [
      { type: 'input_text', text: 'One mail.' },
      { type: 'input_image', image_url: `data:image/png;base64,${PNG}` },
    ],
  },
  { type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'a.ts' } },
  { type: 'custom_tool_call', status: 'completed', call_id: 'call_3', name: 'apply_patch', input: PATCH },
  { type: 'custom_tool_call_output', call_id: 'call_3', output: 'Done!' },
  { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Now the other way.' }] },
];

const CHAT_USAGE = {
  prompt_tokens: 2600,
  completion_tokens: 300,
  total_tokens: 2900,
  prompt_tokens_details: { cached_tokens: 2000 },
  completion_tokens_details: { reasoning_tokens: 128 },
};
const CLAUDE_USAGE = {
  input_tokens: 200,
  cache_creation_input_tokens: 400,
  cache_read_input_tokens: 2000,
  output_tokens: 300,
};
const ARGUMENTS = JSON.stringify({ input: PATCH });

/** Codex in front of a model behind chat. */
export const CODEX_TO_CHAT: readonly Transcript[] = [
  {
    name: 'Codex changes a file',
    model: 'deepseek-chat',
    request: { ...CODEX, input: HISTORY },
    reply: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1790000000,
      model: 'deepseek-chat',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            reasoning_content: 'It is easy.',
            content: 'I change it.',
            tool_calls: [
              { id: 'call_4', type: 'function', function: { name: 'apply_patch', arguments: ARGUMENTS } },
              { id: 'call_5', type: 'function', function: { name: 'mcp__mail__search', arguments: '' } },
            ],
          },
          finish_reason: 'stop',
        },
      ],
      usage: CHAT_USAGE,
    },
    stream: [
      chunk({ role: 'assistant', content: '' }),
      chunk({ reasoning_content: 'It is ' }),
      chunk({ reasoning_content: 'easy.' }),
      chunk({ content: 'I change' }),
      chunk({ content: ' it.' }),
      chunk({ tool_calls: [call(0, 'call_4', 'apply_patch')] }),
      ...[ARGUMENTS.slice(0, 5), ARGUMENTS.slice(5, 28), ARGUMENTS.slice(28, 80), ARGUMENTS.slice(80)].map((piece) =>
        chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] }),
      ),
      chunk({ tool_calls: [call(1, 'call_5', 'mcp__mail__search')] }),
      chunk({}, 'stop'),
      { ...chunk({}), choices: [], usage: CHAT_USAGE },
    ],
  },
];

/** Codex in front of Claude; the first as its versions from 0.144 on, whose tools stand in `input`. */
export const CODEX_TO_MESSAGES: readonly Transcript[] = [
  {
    name: 'Codex runs a program',
    model: 'claude-opus-4-8',
    request: {
      ...CODEX,
      tools: undefined,
      instructions: undefined,
      reasoning: { effort: 'xhigh', summary: 'auto', context: 'all_turns' },
      input: [
        {
          type: 'additional_tools',
          id: 'at_1',
          role: 'developer',
          tools: [
            { type: 'namespace', name: 'functions', description: '', tools: [EXEC] },
            {
              type: 'namespace',
              name: 'collaboration',
              description: 'Works with other agents.',
              tools: [{ type: 'function', name: 'wait_agent', strict: false, parameters: { type: 'object' } }],
            },
          ],
        },
        { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'You are Codex.' }] },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'List the files.' }] },
      ],
    },
    reply: claudeMessage([
      { type: 'thinking', thinking: 'I list them.', signature: 'EqQBCkYIBxgC' },
      { type: 'text', text: 'I list them.' },
      { type: 'tool_use', id: 'toolu_1', name: 'functions__exec', input: { input: 'ls\n' } },
      { type: 'tool_use', id: 'toolu_2', name: 'collaboration__wait_agent', input: {} },
    ]),
    stream: [
      { type: 'message_start', message: { ...claudeMessage([]), stop_reason: null } },
      ...claudeBlock(0, { type: 'thinking', thinking: '', signature: '' }, [
        { type: 'thinking_delta', thinking: 'I list ' },
        { type: 'thinking_delta', thinking: 'them.' },
        { type: 'signature_delta', signature: 'EqQBCkYIBxgC' },
      ]),
      { type: 'ping' },
      ...claudeBlock(1, { type: 'text', text: '' }, [{ type: 'text_delta', text: 'I list them.' }]),
      ...claudeBlock(2, { type: 'tool_use', id: 'toolu_1', name: 'functions__exec', input: {} }, [
        { type: 'input_json_delta', partial_json: '' },
        { type: 'input_json_delta', partial_json: '{"input": "l' },
        { type: 'input_json_delta', partial_json: 's\\' },
        { type: 'input_json_delta', partial_json: 'n"}' },
      ]),
      ...claudeBlock(3, { type: 'tool_use', id: 'toolu_2', name: 'collaboration__wait_agent', input: {} }, [
        { type: 'input_json_delta', partial_json: '' },
      ]),
      { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: CLAUDE_USAGE },
      { type: 'message_stop' },
    ],
  },
  {
    name: 'Claude is cut short',
    model: 'claude-opus-4-8',
    request: { ...CODEX, max_output_tokens: 300, input: HISTORY },
    reply: { ...claudeMessage([{ type: 'text', text: 'First I' }]), stop_reason: 'max_tokens' },
    stream: [
      { type: 'message_start', message: { ...claudeMessage([]), stop_reason: null } },
      ...claudeBlock(0, { type: 'text', text: '' }, [{ type: 'text_delta', text: 'First I' }]),
      { type: 'message_delta', delta: { stop_reason: 'max_tokens', stop_sequence: null }, usage: CLAUDE_USAGE },
      { type: 'message_stop' },
    ],
  },
];

function chunk(delta: JsonObject, reason: string | null = null): JsonObject {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1790000000,
    model: 'deepseek-chat',
    choices: [{ index: 0, delta, finish_reason: reason }],
  };
}

function call(index: number, id: string, name: string): JsonObject {
  return { index, id, type: 'function', function: { name, arguments: '' } };
}

function claudeMessage(content: readonly JsonObject[]): JsonObject {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-4-8',
    content,
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: CLAUDE_USAGE,
  };
}

function claudeBlock(index: number, block: JsonObject, deltas: readonly JsonObject[]): readonly JsonObject[] {
  return [
    { type: 'content_block_start', index, content_block: block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}
