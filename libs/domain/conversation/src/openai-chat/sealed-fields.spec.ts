import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerEvent } from '../answer.js';
import { anthropicMessages } from '../anthropic-messages/codec.js';
import type { CallerCodec, DialectCodec, JsonObject, ProviderSeal, WrittenRequest } from '../dialect-codec.js';
import { openaiResponses } from '../openai-responses/codec.js';
import { accumulate } from '../testing/accumulate.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from '../testing/contexts.js';
import { openaiChat } from './codec.js';

/** Seals that show for whom they are. */
const sealFor = (provider: string): ProviderSeal => ({
  seal: (text) => Buffer.from(`${provider} ${text}`).toString('base64url'),
  open: (sealed) => {
    const text = Buffer.from(sealed, 'base64url').toString();
    return text.startsWith(`${provider} `) ? text.slice(provider.length + 1) : null;
  },
});
const GEMINI = {
  ...WRITE_CONTEXT,
  model: 'gemini-3.1-pro-preview',
  hints: false,
  earlierThoughts: false,
  customTools: false,
  seal: sealFor('gemini'),
};
const signed = (signature: string): JsonObject => ({ extra_content: { google: { thought_signature: signature } } });
const called = (id: string, city: string): JsonObject => ({
  id,
  type: 'function',
  function: { name: 'weather', arguments: JSON.stringify({ city }) },
});

/** What the assistant said: a text, and calls, each of them with a signature or without. */
interface Said {
  readonly text: string;
  readonly textSignature: string | null;
  readonly calls: readonly (string | null)[];
}
const messageOf = ({ text, textSignature, calls }: Said): JsonObject => ({
  role: 'assistant',
  content: text === '' ? null : text,
  ...(calls.length > 0 && {
    tool_calls: calls.map((signature, at) => ({
      ...called(`function-call-${at}`, `city ${at}`),
      ...(signature === null ? {} : signed(signature)),
    })),
  }),
  ...(textSignature === null ? {} : signed(textSignature)),
});
const replyOf = (said: Said): JsonObject => ({
  id: 'chatcmpl-1',
  model: 'gemini-3.1-pro-preview',
  choices: [{ index: 0, message: messageOf(said), finish_reason: said.calls.length > 0 ? 'tool_calls' : 'stop' }],
});

/** Gemini's streams: no index, each call whole in a chunk of its own, the signature of a text in its last chunk. */
function chunksOf(said: Said): readonly JsonObject[] {
  const {
    content: _,
    tool_calls: calls = [],
    ...message
  } = messageOf(said) as { tool_calls?: JsonObject[] } & JsonObject;
  const deltas: JsonObject[] = [
    ...[...said.text].map((content) => ({ role: 'assistant', content })),
    ...(said.textSignature === null ? [] : [{ ...message, content: '' }]),
    ...calls.map((call) => ({ role: 'assistant', tool_calls: [call] })),
  ];
  const chunk = (delta: JsonObject, finish: string | null) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    model: 'gemini-3.1-pro-preview',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  return [...deltas.map((delta) => chunk(delta, null)), chunk({ role: 'assistant' }, 'stop')];
}

const TOOLS = {
  messages: [{ name: 'weather', input_schema: { type: 'object' } }],
  responses: [{ type: 'function', name: 'weather', parameters: { type: 'object' } }],
};
type Client = 'messages' | 'responses';
const CODECS: Readonly<Record<Client, DialectCodec>> = { messages: anthropicMessages, responses: openaiResponses };

/** The request of a client that has this history, and then has the results of all calls, or says more. */
function nextRequest(client: Client, reply: JsonObject): JsonObject {
  if (client === 'messages') {
    const content = reply['content'] as readonly JsonObject[];
    const results = content
      .filter(({ type }) => type === 'tool_use')
      .map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'fine' }));
    const next = results.length > 0 ? results : 'Go on.';
    return {
      model: 'm',
      max_tokens: 9,
      tools: TOOLS.messages,
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content },
        { role: 'user', content: next },
      ],
    };
  }
  const output = reply['output'] as readonly JsonObject[];
  const results = output
    .filter(({ type }) => type === 'function_call')
    .map(({ call_id }) => ({ type: 'function_call_output', call_id, output: 'fine' }));
  const next = results.length > 0 ? results : [{ role: 'user', content: 'Go on.' }];
  return { model: 'm', tools: TOOLS.responses, input: [{ role: 'user', content: 'Hello' }, ...output, ...next] };
}
const firstRequest = (client: Client, tools = true): JsonObject =>
  client === 'messages'
    ? {
        model: 'm',
        max_tokens: 9,
        messages: [{ role: 'user', content: 'Hello' }],
        ...(tools && { tools: TOOLS.messages }),
      }
    : { model: 'm', input: 'Hello', ...(tools && { tools: TOOLS.responses }) };

function written(caller: CallerCodec, request: JsonObject, context = GEMINI): WrittenRequest {
  const conversation = caller.readRequest(request);
  if ('kind' in conversation) throw new Error(`${conversation.param}: ${conversation.message}`);
  const made = openaiChat.writeRequest(conversation, context);
  if (made.kind === 'fault') throw new Error(made.message);
  return made;
}
const eventsOf = (said: Said, { names }: WrittenRequest): readonly AnswerEvent[] => {
  const decoder = openaiChat.readStream(names);
  return [...chunksOf(said).flatMap((chunk) => decoder.take(null, chunk)), ...decoder.end(true)];
};
/** What the client is answered, plain or by a stream that is added up. */
function answered(client: Client, said: Said, streamed: boolean, tools = true): JsonObject {
  const caller = CODECS[client];
  const request = written(caller, firstRequest(client, tools));
  const answer = streamed ? accumulate(eventsOf(said, request)) : openaiChat.readReply(replyOf(said), request.names);
  if (answer === null) throw new Error('no answer');
  return caller.writeReply(answer, REPLY_CONTEXT);
}
const sentBack = (client: Client, reply: JsonObject, context = GEMINI): JsonObject =>
  (written(CODECS[client], nextRequest(client, reply), context).body['messages'] as readonly JsonObject[])[1] ?? {};

const signatures = fc.option(fc.base64String({ minLength: 4, maxLength: 40 }), { nil: null });
const sayings: fc.Arbitrary<Said> = fc
  .record({
    text: fc.constantFrom('', 'Let me see.'),
    textSignature: signatures,
    calls: fc.array(signatures, { maxLength: 3 }),
  })
  .filter(({ text, calls }) => text !== '' || calls.length > 0);
const clients = fc.constantFrom<Client>('messages', 'responses');

describe('what only a compatible provider can read', () => {
  it('come back to it as they were, each at its own call or message, whoever kept them', () => {
    fc.assert(
      fc.property(sayings, clients, fc.boolean(), (said, client, streamed) => {
        // The ids of calls are the one thing of an answer that all clients of Responses send back.
        const isLost = client === 'responses' && said.calls.length === 0;
        const expected = messageOf(isLost ? { ...said, textSignature: null } : said);
        expect(sentBack(client, answered(client, said, streamed))).toEqual(expected);
      }),
    );
  });

  it('come back from clients of Responses that send the calls alone, whose stream ends in the plain output', () => {
    fc.assert(
      fc.property(sayings, (said) => {
        const plain = answered('responses', said, false)['output'] as readonly JsonObject[];
        expect(plain.map(({ type }) => type)).not.toContain('reasoning');
        const encoder = openaiResponses.writeStream(REPLY_CONTEXT);
        const events = eventsOf(said, written(openaiResponses, firstRequest('responses')));
        const last = events.flatMap((event) => encoder.take(event)).at(-1)?.data as { response: JsonObject };
        expect(last.response['output']).toEqual(plain);
        const calls = plain.filter(({ type }) => type === 'function_call');
        if (calls.length === 0) return;
        const { content: _, ...message } = messageOf(said);
        expect(sentBack('responses', { output: calls })).toEqual({ ...message, content: null });
      }),
    );
  });

  it('come back from a client that adds up its stream', () => {
    const said = { text: 'I look.', textSignature: null, calls: ['c2lnIDA=', null, null] };
    const encoder = anthropicMessages.writeStream(REPLY_CONTEXT);
    const sent = eventsOf(said, written(anthropicMessages, firstRequest('messages'))).flatMap((e) => encoder.take(e));
    const events = sent.map(({ data }) => data as JsonObject & { type: string });
    const types = events.filter(({ type }) => type === 'content_block_start');
    expect(types.map(({ content_block: block }) => (block as JsonObject)['type'])).toEqual([
      ...['text', 'thinking', 'tool_use', 'tool_use', 'tool_use'],
    ]);
    const signature = events.flatMap(({ delta }) => (delta as JsonObject | undefined)?.['signature'] ?? []);
    const plain = answered('messages', said, false)['content'] as readonly JsonObject[];
    expect(plain[1]).toEqual({ type: 'thinking', thinking: '', signature: signature[0] });
  });

  it('come back where a call is cut into pieces and its signature comes last', () => {
    const { names } = written(anthropicMessages, firstRequest('messages'));
    const decoder = openaiChat.readStream(names);
    const piece = (delta: JsonObject) => decoder.take(null, { choices: [{ index: 0, delta }] });
    const events = [
      ...piece({ tool_calls: [{ index: 0, id: 'call_1', function: { name: 'weather', arguments: '{"city":' } }] }),
      ...piece({ tool_calls: [{ index: 0, function: { arguments: '"Bonn"}' } }] }),
      ...piece({ tool_calls: [{ index: 0, ...signed('bGF0ZQ==') }] }),
      ...decoder.take(null, { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }),
      ...decoder.end(true),
    ];
    const reply = anthropicMessages.writeReply(accumulate(events), REPLY_CONTEXT);
    expect(sentBack('messages', reply)).toMatchObject({ tool_calls: [{ id: 'call_1', ...signed('bGF0ZQ==') }] });
  });

  it('are sent to no other provider', () => {
    const said = { text: 'I look.', textSignature: 'c2ln', calls: ['c2lnIDA='] };
    const bare = { ...messageOf({ ...said, textSignature: null, calls: [null] }) };
    for (const client of ['messages', 'responses'] as const) {
      const reply = answered(client, said, false);
      const { seal: _, ...unsealed } = GEMINI;
      expect(sentBack(client, reply, { ...GEMINI, seal: sealFor('another') })).toEqual(bare);
      expect(sentBack(client, reply, unsealed as typeof GEMINI)).toEqual(bare);
      const conversation = CODECS[client].readRequest(nextRequest(client, reply));
      if ('kind' in conversation) throw new Error(conversation.message);
      for (const provider of [anthropicMessages, openaiResponses]) {
        const sent = provider.writeRequest(conversation, { ...GEMINI, model: 'claude-opus-4-6' });
        expect(sent.kind).toBe('written');
        expect(JSON.stringify(sent)).not.toMatch(/tg1|extra_content|encrypted_content|thought_signature/);
      }
    }
  });

  it('are not shown to a client that has asked for neither tools nor thoughts', () => {
    const said = { text: 'Hello.', textSignature: 'c2ln', calls: [] };
    for (const streamed of [false, true]) {
      expect(answered('messages', said, streamed, false)['content']).toEqual([{ type: 'text', text: 'Hello.' }]);
      expect(answered('responses', said, streamed, false)['output']).toHaveLength(1);
    }
  });

  it('are told from what only says how a text is to be shown', () => {
    const { names } = written(anthropicMessages, firstRequest('messages'));
    for (const extra of [{ google: { thought: true } }, { google: { thought_signature: '' } }, {}, [], 'x', null, 7]) {
      const message = {
        content: 'Hi',
        extra_content: extra,
        tool_calls: [{ ...called('c', 'Bonn'), extra_content: extra }],
      };
      const answer = openaiChat.readReply({ choices: [{ message, finish_reason: 'stop' }] }, names);
      expect(answer?.parts.map(({ kind }) => kind)).toEqual(['text', 'tool_call']);
    }
  });

  it('keep what stands beside them, in any namespace', () => {
    const { names } = written(anthropicMessages, firstRequest('messages'));
    const extra = { vertex: { thought_signature: 'c2ln', more: [1] }, other: true };
    const message = { content: null, tool_calls: [{ ...called('c', 'Bonn'), extra_content: extra }] };
    const answer = openaiChat.readReply({ choices: [{ message, finish_reason: 'tool_calls' }] }, names);
    const reply = anthropicMessages.writeReply(answer!, REPLY_CONTEXT);
    expect(sentBack('messages', reply)).toMatchObject({ tool_calls: [{ extra_content: extra }] });
  });

  it('come back to OpenRouter with all of its details, pieces of a text as one', () => {
    const text = { type: 'reasoning.text', format: 'google-gemini-v1', index: 0 };
    const encrypted = { type: 'reasoning.encrypted', format: 'google-gemini-v1', index: 1, data: 'c2ln', id: 'tool_1' };
    const another = { ...encrypted, data: 'c2lnMg==', id: 'tool_2' };
    const details = [{ ...text, text: 'Let me think.' }, encrypted, another];
    const calls = [called('tool_1', 'Bonn'), called('tool_2', 'Rome')];
    const { names } = written(anthropicMessages, firstRequest('messages'));
    const message = { content: null, reasoning: 'Let me think.', reasoning_details: details, tool_calls: calls };
    const plain = openaiChat.readReply({ choices: [{ message, finish_reason: 'tool_calls' }] }, names);
    const deltas: JsonObject[] = [
      { reasoning: 'Let me ', reasoning_details: [{ ...text, text: 'Let me ' }] },
      { reasoning: 'think.', reasoning_details: [{ ...text, text: 'think.' }] },
      { reasoning_details: [encrypted] },
      { tool_calls: [{ index: 0, ...calls[0] }] },
      { reasoning_details: [another], tool_calls: [{ index: 1, ...calls[1] }] },
    ];
    const decoder = openaiChat.readStream(names);
    const stream = [...deltas.map((delta) => ({ delta })), { delta: {}, finish_reason: 'tool_calls' }];
    const events = stream.flatMap((choice) => decoder.take(null, { choices: [{ index: 0, ...choice }] }));
    for (const answer of [plain!, accumulate([...events, ...decoder.end(true)])]) {
      const reply = anthropicMessages.writeReply(answer, REPLY_CONTEXT);
      expect(sentBack('messages', reply)).toEqual({
        role: 'assistant',
        content: null,
        reasoning_details: details,
        tool_calls: calls,
      });
    }
    const unsigned = { content: 'Hi', reasoning: 'x', reasoning_details: [{ ...text, text: 'x' }] };
    const answer = openaiChat.readReply({ choices: [{ message: unsigned, finish_reason: 'stop' }] }, names)!;
    expect(answer.parts.map(({ kind }) => kind)).toEqual(['thinking', 'text']);
  });

  it('that a client has changed are left out', () => {
    const reply = answered('messages', { text: '', textSignature: null, calls: ['c2ln'] }, false);
    for (const data of ['', '!', sealFor('gemini').seal('no JSON'), sealFor('gemini').seal('[]')]) {
      const content = (reply['content'] as readonly JsonObject[]).map((block) =>
        block['type'] === 'thinking' ? { ...block, signature: `tg1.anothers_thought.compatible.call..${data}` } : block,
      );
      expect(JSON.stringify(sentBack('messages', { ...reply, content }))).not.toContain('extra_content');
    }
  });
});
