import type { JsonObject } from '../../dialect-codec.js';

/** A call of a client, and what the provider answers, each in the dialect of its side. */
export interface Transcript {
  readonly name: string;
  readonly model: string;
  readonly request: JsonObject;
  readonly reply: JsonObject;
  /** The events of the same answer as a stream. */
  readonly stream: readonly JsonObject[];
}

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB';
const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

/** Clients of Anthropic whose requests go to a model behind OpenAI's chat. */
export const MESSAGES_TO_CHAT: readonly Transcript[] = [
  {
    name: 'an agent goes on after two tools',
    model: 'gpt-5.5',
    request: {
      model: 'claude-gpt',
      max_tokens: 32000,
      stream: true,
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.9; cch=71fea;' },
        { type: 'text', text: 'You are an agent.', cache_control: { type: 'ephemeral', ttl: '1h' } },
      ],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Which is warmer?', cache_control: { type: 'ephemeral' } }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'I need both.', signature: 'tg1.anothers_thought.unsealed' },
            { type: 'text', text: 'I look.' },
            { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Rome' } },
            { type: 'tool_use', id: 'call_2', name: 'weather', input: { city: 'Oslo' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Hurry.' },
            { type: 'tool_result', tool_use_id: 'call_1', content: '21 °C' },
            {
              type: 'tool_result',
              tool_use_id: 'call_2',
              is_error: true,
              content: [
                { type: 'text', text: 'The map says more.' },
                { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: PNG } },
              ],
            },
          ],
        },
        { role: 'system', content: 'Answer in one word.' },
      ],
      tools: [
        { name: 'weather', description: 'tells the weather', input_schema: WEATHER, eager_input_streaming: true },
        { type: 'web_search_20250305', name: 'web_search', max_uses: 5 },
      ],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      thinking: { type: 'adaptive', budget_tokens: 0 },
      output_config: { effort: 'high' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      metadata: { user_id: 'user_1' },
      stop_sequences: ['END'],
    },
    reply: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1790000000,
      model: 'gpt-5.5-2026-04-23',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'Rome.',
            tool_calls: [
              { id: 'call_3', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
              { id: 'call_4', type: 'function', function: { name: 'weather', arguments: '' } },
            ],
          },
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: 2600,
        completion_tokens: 300,
        total_tokens: 2900,
        prompt_tokens_details: { cached_tokens: 2000, cache_write_tokens: 400 },
        completion_tokens_details: { reasoning_tokens: 128 },
      },
    },
    stream: [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'Ro' }),
      chunk({ content: 'me.' }),
      chunk({
        tool_calls: [{ index: 0, id: 'call_3', type: 'function', function: { name: 'weather', arguments: '' } }],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] }),
      chunk({
        tool_calls: [{ index: 1, id: 'call_4', type: 'function', function: { name: 'weather', arguments: '' } }],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '"Rome"}' } }] }),
      chunk({}, 'tool_calls'),
      {
        ...chunk({}),
        choices: [],
        usage: {
          prompt_tokens: 2600,
          completion_tokens: 300,
          total_tokens: 2900,
          prompt_tokens_details: { cached_tokens: 2000, cache_write_tokens: 400 },
          completion_tokens_details: { reasoning_tokens: 128 },
        },
      },
    ],
  },
  {
    name: 'a model refuses',
    model: 'gpt-5.5',
    request: {
      model: 'claude-gpt',
      max_tokens: 100,
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'Tell me how.' }],
      output_config: { format: { type: 'json_schema', schema: WEATHER } },
    },
    reply: {
      id: 'chatcmpl-2',
      object: 'chat.completion',
      created: 1790000000,
      model: 'gpt-5.5-2026-04-23',
      choices: [
        { index: 0, message: { role: 'assistant', content: null, refusal: 'I cannot help.' }, finish_reason: 'stop' },
      ],
      usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 },
    },
    stream: [
      chunk({ role: 'assistant', content: '', refusal: null }),
      chunk({ refusal: 'I cannot' }),
      chunk({ refusal: ' help.' }),
      chunk({}, 'stop'),
      { ...chunk({}), choices: [], usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 } },
    ],
  },
];

/** Clients of OpenAI's chat whose requests go to Claude. */
export const CHAT_TO_MESSAGES: readonly Transcript[] = [
  {
    name: 'an agent goes on after two tools',
    model: 'claude-opus-4-8',
    request: {
      model: 'opus',
      messages: [
        { role: 'developer', content: 'You are an agent.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Which is warmer?' },
            { type: 'image_url', image_url: { url: `data:image/jpg;base64,${PNG}`, detail: 'auto' } },
          ],
        },
        {
          role: 'assistant',
          content: 'I look.',
          tool_calls: [
            {
              id: 'functions.weather:0',
              type: 'function',
              function: { name: 'weather', arguments: '{"city":"Rome"}' },
            },
            { id: 'call_2', type: 'function', function: { name: 'clock', arguments: '' } },
          ],
        },
        { role: 'tool', tool_call_id: 'functions.weather:0', content: '21 °C' },
        { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: '12:00' }] },
        { role: 'system', content: 'Answer in one word.' },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'weather', description: 'tells the weather', parameters: WEATHER, strict: true },
        },
        { type: 'function', function: { name: 'clock' } },
      ],
      parallel_tool_calls: false,
      max_completion_tokens: 2000,
      reasoning_effort: 'minimal',
      temperature: 1,
      stop: 'END',
      user: 'user_1',
      stream: true,
      stream_options: { include_usage: true },
    },
    reply: {
      id: 'msg_01',
      type: 'message',
      role: 'assistant',
      model: 'claude-opus-4-8',
      content: [
        { type: 'thinking', thinking: 'Rome it is.', signature: 'EqQB' },
        { type: 'text', text: 'Rome.' },
        { type: 'tool_use', id: 'toolu_01', name: 'clock', input: {} },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: {
        input_tokens: 3,
        cache_creation_input_tokens: 12304,
        cache_read_input_tokens: 100,
        output_tokens: 40,
        output_tokens_details: { thinking_tokens: 30 },
      },
    },
    stream: [
      {
        type: 'message_start',
        message: {
          id: 'msg_01',
          type: 'message',
          role: 'assistant',
          model: 'claude-opus-4-8',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: {
            input_tokens: 3,
            cache_creation_input_tokens: 12304,
            cache_read_input_tokens: 100,
            output_tokens: 1,
          },
        },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'ping' },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Rome it is.' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'EqQB' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Ro' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'me.' } },
      { type: 'content_block_stop', index: 1 },
      {
        type: 'content_block_start',
        index: 2,
        content_block: { type: 'tool_use', id: 'toolu_01', name: 'clock', input: {} },
      },
      { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '' } },
      { type: 'content_block_stop', index: 2 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: 40, output_tokens_details: { thinking_tokens: 30 } },
      },
      { type: 'message_stop' },
    ],
  },
  {
    name: 'a custom tool and a schema',
    model: 'claude-sonnet-4-6',
    request: {
      model: 'sonnet',
      messages: [{ role: 'user', content: 'Mend it.' }],
      tools: [
        {
          type: 'custom',
          custom: {
            name: 'apply_patch',
            description: 'patches files',
            format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "*** Begin"' } },
          },
        },
      ],
      response_format: { type: 'json_schema', json_schema: { name: 'done', schema: WEATHER, strict: true } },
      max_tokens: 500,
      prompt_cache_key: 'k',
      service_tier: 'default',
    },
    reply: {
      id: 'msg_02',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-6',
      content: [{ type: 'tool_use', id: 'toolu_02', name: 'apply_patch', input: { input: '*** Begin\n"a"' } }],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: { input_tokens: 50, output_tokens: 9 },
    },
    stream: [
      {
        type: 'message_start',
        message: { id: 'msg_02', model: 'claude-sonnet-4-6', usage: { input_tokens: 50, output_tokens: 1 } },
      },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', id: 'toolu_02', name: 'apply_patch', input: {} },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"input": "*** Be' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: 'gin\\n\\"a' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '\\""}' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 9 } },
      { type: 'message_stop' },
    ],
  },
  {
    name: 'Claude refuses',
    model: 'claude-opus-5-5',
    request: {
      model: 'opus',
      messages: [{ role: 'user', content: 'Tell me how.' }],
      max_tokens: 50,
      metadata: { team: 'a' },
      top_p: 1,
    },
    reply: {
      id: 'msg_03',
      type: 'message',
      role: 'assistant',
      model: 'claude-opus-5-5',
      content: [{ type: 'text', text: 'Well' }],
      stop_reason: 'refusal',
      stop_sequence: null,
      stop_details: { type: 'refusal', category: 'bio', explanation: 'It may do harm.' },
      usage: { input_tokens: 9, output_tokens: 2 },
    },
    stream: [
      {
        type: 'message_start',
        message: { id: 'msg_03', model: 'claude-opus-5-5', usage: { input_tokens: 9, output_tokens: 1 } },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Well' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: {
          stop_reason: 'refusal',
          stop_details: { type: 'refusal', category: 'bio', explanation: 'It may do harm.' },
        },
        usage: { output_tokens: 2 },
      },
      { type: 'message_stop' },
    ],
  },
];

function chunk(delta: JsonObject, finishReason: string | null = null): JsonObject {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1790000000,
    model: 'gpt-5.5-2026-04-23',
    choices: [{ index: 0, delta, finish_reason: finishReason }],
  };
}
