import type { ConversationDialect, JsonObject } from '../dialect-codec.js';

/** A request that has `count` of something. */
export interface LargeRequest {
  readonly dialect: Exclude<ConversationDialect, 'inference'>;
  readonly what: string;
  /** Whether no dialect can carry it, so that all of it is read and then refused. */
  readonly isRefused?: boolean;
  of(count: number): JsonObject;
}

const ASK = { role: 'user', content: 'Go on.' };
const RULE = { role: 'system', content: 'Be brief.' };

function times<Value>(count: number, make: (at: number) => Value): Value[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

const functionOf = (at: number): JsonObject => ({ name: `tool_${at}`, parameters: { type: 'object' } });

const chatCall = (at: number): JsonObject => ({
  id: `call_${at}`,
  type: 'function',
  function: { name: 'look', arguments: '{}' },
});
const chatAsk = (calls: JsonObject[]): JsonObject => ({ role: 'assistant', content: null, tool_calls: calls });
const chatResult = (at: number): JsonObject => ({ role: 'tool', tool_call_id: `call_${at}`, content: 'Seen.' });

const CHAT: Readonly<Record<string, (count: number) => JsonObject>> = {
  'calls in one turn, then results': (count) => ({
    messages: [ASK, chatAsk(times(count, chatCall)), ...times(count, chatResult)],
  }),
  'turns of one call, then results': (count) => ({
    messages: [ASK, ...times(count, (at) => chatAsk([chatCall(at)])), ...times(count, chatResult)],
  }),
  'turns of one call, each with its result': (count) => ({
    messages: [ASK, ...times(count, (at) => [chatAsk([chatCall(at)]), chatResult(at)]).flat()],
  }),
  'calls with one id': (count) => ({
    messages: [ASK, ...times(count, () => [chatAsk([chatCall(0)]), chatResult(0)]).flat()],
  }),
  'calls with ids that are too long': (count) => ({
    messages: [
      ASK,
      ...times(count, (at) => chatAsk([{ ...chatCall(at), id: 'x'.repeat(99) + String(at) }])),
      ...times(count, (at) => ({ ...chatResult(at), tool_call_id: 'x'.repeat(99) + String(at) })),
    ],
  }),
  'turns of the system': (count) => ({ messages: [ASK, ...times(count, () => RULE), ASK] }),
  'messages of the user': (count) => ({ messages: times(count, () => ASK) }),
  tools: (count) => ({
    messages: [ASK],
    tools: times(count, (at) => ({ type: 'function', function: functionOf(at) })),
  }),
  'parts in one message': (count) => ({
    messages: [{ role: 'user', content: times(count, () => ({ type: 'text', text: 'a' })) }],
  }),
};

const responsesCall = (at: number): JsonObject => ({
  type: 'function_call',
  call_id: `call_${at}`,
  name: 'look',
  arguments: '{}',
});
const responsesOutput = (at: number): JsonObject => ({
  type: 'function_call_output',
  call_id: `call_${at}`,
  output: 'Seen.',
});

const RESPONSES: Readonly<Record<string, (count: number) => JsonObject>> = {
  'calls, then outputs': (count) => ({
    input: [ASK, ...times(count, responsesCall), ...times(count, responsesOutput)],
  }),
  'outputs before their calls': (count) => ({
    input: [ASK, ...times(count, responsesOutput), ...times(count, responsesCall)],
  }),
  'calls, each with its output': (count) => ({
    input: [ASK, ...times(count, (at) => [responsesCall(at), responsesOutput(at)]).flat()],
  }),
  'reasoning items': (count) => ({
    input: [
      ASK,
      ...times(count, (at) => ({
        type: 'reasoning',
        id: `rs_${at}`,
        summary: [{ type: 'summary_text', text: 'So it is.' }],
        encrypted_content: 'abc',
      })),
      ASK,
    ],
  }),
  'messages of the assistant': (count) => ({
    input: [ASK, ...times(count, () => ({ role: 'assistant', content: 'Yes.' })), ASK],
  }),
  'messages of the system': (count) => ({ input: [ASK, ...times(count, () => RULE), ASK] }),
  'messages of the user': (count) => ({ input: times(count, () => ASK) }),
  tools: (count) => ({ input: 'Go on.', tools: times(count, (at) => ({ type: 'function', ...functionOf(at) })) }),
  'tools between turns': (count) => ({
    input: [{ type: 'additional_tools', tools: times(count, (at) => ({ type: 'function', ...functionOf(at) })) }, ASK],
  }),
  'tools of one namespace': (count) => ({
    input: 'Go on.',
    tools: [{ type: 'namespace', name: 'all', tools: times(count, (at) => ({ type: 'function', ...functionOf(at) })) }],
  }),
  'tools that OpenAI runs': (count) => ({
    input: 'Go on.',
    tools: times(count, (at) => ({ type: 'mcp', server_label: `server ${at}` })),
  }),
  'parts in one message': (count) => ({
    input: [{ role: 'user', content: times(count, () => ({ type: 'input_text', text: 'a' })) }],
  }),
};

const toolUse = (at: number): JsonObject => ({ type: 'tool_use', id: `call_${at}`, name: 'look', input: {} });
const toolResult = (at: number): JsonObject => ({ type: 'tool_result', tool_use_id: `call_${at}`, content: 'Seen.' });

const MESSAGES: Readonly<Record<string, (count: number) => JsonObject>> = {
  'calls in one turn, then results': (count) => ({
    messages: [
      ASK,
      { role: 'assistant', content: times(count, toolUse) },
      { role: 'user', content: times(count, toolResult) },
    ],
  }),
  'turns of one call, then results': (count) => ({
    messages: [
      ASK,
      ...times(count, (at) => ({ role: 'assistant', content: [toolUse(at)] })),
      ...times(count, (at) => ({ role: 'user', content: [toolResult(at)] })),
    ],
  }),
  thoughts: (count) => ({
    messages: [
      ASK,
      { role: 'assistant', content: times(count, () => ({ type: 'thinking', thinking: 'So.', signature: 'abc' })) },
      ASK,
    ],
  }),
  'turns of the system': (count) => ({ messages: [ASK, ...times(count, () => RULE), ASK] }),
  'messages of the user': (count) => ({ messages: times(count, () => ASK) }),
  tools: (count) => ({ messages: [ASK], tools: times(count, (at) => ({ name: `tool_${at}`, input_schema: {} })) }),
  'parts in one message': (count) => ({
    messages: [{ role: 'user', content: times(count, () => ({ type: 'text', text: 'a' })) }],
  }),
};

/** Requests of each dialect in which something may come in any number. */
export const LARGE_REQUESTS: readonly LargeRequest[] = [
  ...of('openai-chat', CHAT),
  ...of('openai-responses', RESPONSES),
  ...of('anthropic-messages', MESSAGES),
];

function of(
  dialect: LargeRequest['dialect'],
  kinds: Readonly<Record<string, (count: number) => JsonObject>>,
): readonly LargeRequest[] {
  return Object.entries(kinds).map(([what, make]) => ({
    dialect,
    what,
    isRefused: what === 'outputs before their calls',
    of: make,
  }));
}
