import { anthropicMessages } from '@tollgate/conversation';
import { sealedIdsFrom } from '@tollgate/sealing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openai } from '../../providers/openai/openai.js';
import { InjectedFields } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import type { Routed } from '../../request-path/exchange/exchange.js';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import type { UpstreamCall } from '../ask.js';
import type { Dialect } from '../dialect.js';
import { OPENAI_ERRORS } from '../openai/errors.js';
import { callerSide, providerSides, sidesFor } from './sides.js';
import type { Translation } from './translation.js';
import { speak } from '../../request-path/speak/speak.js';
import { translator } from './translator.js';

const SEALED_IDS = sealedIdsFrom({ pepper: 'the pepper of the test' });
const messages = { name: 'anthropic-messages', errors: OPENAI_ERRORS } as unknown as Dialect;
const target = {
  model: 'gpt-4o',
  price: { maxOutputTokens: 16_384 },
  provider: {
    dialects: new Set(['openai-chat']),
    injectedFields: new InjectedFields({ ceilingField: 'max_completion_tokens', streamOptions: true }),
  },
} as unknown as Target;

const REQUEST = {
  model: 'claude',
  max_tokens: 32_000,
  system: 'Be brief.',
  messages: [{ role: 'user', content: 'Grüße, 世界' }],
};
const call = (fields: Partial<UpstreamCall> = {}): UpstreamCall => ({
  holdNanoUsd: null,
  injectedMaxTokens: null,
  ceilingLeftOut: false,
  fieldNames: null,
  injected: { ceiling: null, ceilingTokens: null, streamOptions: false },
  ...fields,
});

function translate(request: object): Translation {
  const body = Buffer.from(JSON.stringify(request));
  const ask = { body, model: 'claude', inputTokensEstimate: 7, omitted: [] };
  const exchange = { ask, errors: OPENAI_ERRORS, requestId: '0198-aa', startedAtMs: 1_000 } as unknown as Routed;
  const translation = translator(messages, exchange, SEALED_IDS)(target);
  if (translation === null || isRefusal(translation)) throw new Error(JSON.stringify(translation));
  return translation;
}
const sent = (translation: Translation, to: UpstreamCall): Record<string, unknown> =>
  JSON.parse(translation.bodyFor(target, to).toString()) as Record<string, unknown>;

const chunk = (delta: object, rest: object = {}): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'gpt-4o', choices: [{ index: 0, delta, finish_reason: null, ...rest }] })}\n\n`;
const STREAM = Buffer.from(
  [
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'Grüße' }),
    // A character that JSON may spell in ASCII.
    'data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"\\u4e16界"},"finish_reason":null}]}\n\n',
    chunk({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: '1}' } }] }),
    chunk({}, { finish_reason: 'tool_calls' }),
    'data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}\n\n',
    'data: [DONE]\n\n',
  ].join(''),
);

function streamed(pieces: readonly Buffer[]): { text: string; tail: string } {
  const reader = translate({ ...REQUEST, stream: true }).readStream(null);
  const parts = [...pieces.map((piece) => reader.take(piece)), reader.end()];
  expect(reader.report).toMatchObject({ inputTokens: 9, outputTokens: 4 });
  expect([reader.opened, reader.finished, reader.error]).toEqual([true, true, null]);
  const utf8 = (texts: string[]): string => Buffer.from(texts.join(''), 'latin1').toString('utf8');
  return { text: utf8(parts.map(({ events }) => events)), tail: utf8(parts.map(({ tail }) => tail)) };
}
const whole = streamed([STREAM]);

describe('a request for a provider of another dialect', () => {
  it('is written in that dialect, with the model of the target', () => {
    expect(sent(translate(REQUEST), call())).toEqual({
      model: 'gpt-4o',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Grüße, 世界' },
      ],
      max_completion_tokens: 32_000,
    });
  });

  it('has the ceiling under the name that the provider takes, and none where it is above what the model writes', () => {
    const translation = translate(REQUEST);
    const named = call({ fieldNames: { ceilingField: 'max_tokens', streamOptions: true } });
    expect(sent(translation, named)).toMatchObject({ max_tokens: 32_000 });
    expect(named.injected).toEqual({ ceiling: 'max_tokens', ceilingTokens: 32_000, streamOptions: false });
    expect(sent(translation, call({ ceilingLeftOut: true }))).not.toHaveProperty('max_completion_tokens');
  });

  it('asks for the usage of a stream, which the client is told in its own dialect', () => {
    const streaming = call();
    expect(sent(translate({ ...REQUEST, stream: true }), streaming)).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(streaming.injected.streamOptions).toBe(true);
  });

  it('is refused by the name of the caller’s field where the target’s dialect has none', () => {
    const body = Buffer.from(JSON.stringify({ ...REQUEST, top_k: 3 }));
    const exchange = {
      ask: { body, model: 'claude', omitted: [] },
      requestId: '',
      startedAtMs: 0,
    } as unknown as Routed;
    expect(translator(messages, exchange, SEALED_IDS)(target)).toMatchObject({
      code: 'invalid_request',
      param: 'top_k',
    });
  });
});

describe('the answer', () => {
  it('of a plain call is the caller’s, with the usage of the provider’s report', () => {
    const reply = {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model: 'gpt-4o-2024-08-06',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'length' }],
      usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10, prompt_tokens_details: { cached_tokens: 4 } },
    };
    const read = translate(REQUEST).readReply(Buffer.from(JSON.stringify(reply)), null);
    if (read.kind !== 'answer' || read.body === undefined) throw new Error(read.kind);
    expect(read.report).toMatchObject({ inputTokens: 9, outputTokens: 1, cachedInputTokens: 4 });
    expect(JSON.parse(read.body.toString())).toMatchObject({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'Hi' }],
      stop_reason: 'max_tokens',
      usage: { input_tokens: 5, cache_read_input_tokens: 4, output_tokens: 1 },
    });
  });

  it('is none where the provider’s own dialect says so', () => {
    for (const body of ['<html>', '{}', '{"error":{"message":"no"}}'])
      expect(translate(REQUEST).readReply(Buffer.from(body), null).kind).toBe('no_answer');
  });

  it('of a stream comes as it arrives, and its last event waits in the tail', () => {
    expect(whole.text).toMatch(/^event: message_start\n/);
    expect(whole.text).toContain('"text":"Grüße"');
    expect(whole.text).toContain('"text":"世界"');
    expect(whole.tail).toContain('"stop_reason":"tool_use"');
    expect(whole.tail).toMatch(/event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
  });

  it('of a stream is the same wherever the network cuts it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
        const pieces = places.slice(1).map((end, at) => STREAM.subarray(places[at], end));
        expect(streamed(pieces)).toEqual(whole);
      }),
    );
  });

  it('of a stream that breaks off ends as any other of the caller’s dialect', () => {
    const reader = translate({ ...REQUEST, stream: true }).readStream(null);
    reader.take(STREAM.subarray(0, 300));
    expect(reader.errorEvent('provider_failed')).toBeNull();
  });

  it('that is an error about the request is told in the caller’s form, with the provider’s words', () => {
    const body = Buffer.from('{"error":{"message":"The image is too large.","type":"invalid_request_error"}}');
    expect(JSON.parse(translate(REQUEST).errorFor(400, body).body.toString())).toMatchObject({
      error: { message: 'The image is too large.', code: 'invalid_request' },
    });
    expect(JSON.parse(translate(REQUEST).errorFor(404, Buffer.from('<html>')).body.toString())).toMatchObject({
      error: { code: 'not_found' },
    });
  });
});

it.each([
  ['gpt-4o', true],
  ['gpt-5-codex', false],
  ['gpt-5.1-codex-max', false],
  ['gpt-5-pro-2025-10-06', false],
  ['o3-pro', false],
  ['o4-mini-deep-research', false],
  ['o4-mini', true],
  ['gpt-5-professional', true],
])('a model of OpenAI is asked in chat, unless it is served through Responses alone: %s', (model, inChat) => {
  expect(openai.dialectsOfModel?.(model)?.has('openai-chat') ?? true).toBe(inChat);
  const dialects = openai.dialectsOfModel?.(model);
  const asked = {
    ...target,
    model,
    ...(dialects && { dialects }),
    provider: { ...target.provider, dialects: new Set(['openai-chat' as const]) },
  };
  expect(providerSides('anthropic-messages', asked).map((side) => side.dialect.name)).toEqual([
    inChat ? 'openai-chat' : 'openai-responses',
  ]);
});

it.each([
  ['gpt-5.1', [{}], 'openai-responses'],
  ['gpt-5.1', [], 'openai-chat'],
  ['gpt-4o', [{}], 'openai-chat'],
])('%s is asked with tools %j through %s', (model, tools, first) => {
  const dialects = new Set(['openai-chat' as const, 'openai-responses' as const]);
  const sides = providerSides('anthropic-messages', { ...target, model, dialects });
  expect(sidesFor(sides, { tools: tools as never }, { model })[0]?.dialect.name).toBe(first);
});

it('goes back to chat where Responses cannot be told something', () => {
  const dialects = new Set(['openai-chat' as const, 'openai-responses' as const]);
  const asked = { ...target, model: 'gpt-5.1', dialects };
  const request = { ...REQUEST, stop_sequences: ['END'], tools: [{ name: 'f', input_schema: { type: 'object' } }] };
  const ask = { body: Buffer.from(JSON.stringify(request)), model: 'claude', inputTokensEstimate: 7, omitted: [] };
  const exchange = { ask, requestId: '0198-aa', startedAtMs: 1_000 } as unknown as Routed;
  const translation = translator(messages, exchange, SEALED_IDS)(asked);
  expect(translation).toMatchObject({ operation: '/chat/completions' });
});

it('refuses bodies that only some readers take, or that would take too long', () => {
  const refusalFor = (body: string) => {
    const exchange = {
      ask: { body: Buffer.from(body), model: 'm', omitted: [] },
      requestId: '',
      startedAtMs: 0,
    } as unknown as Routed;
    return translator(messages, exchange, SEALED_IDS)(target);
  };
  expect(refusalFor('{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"\\q"}]}')).toMatchObject({
    code: 'invalid_json',
  });
  expect(refusalFor(`{"model":"m","messages":[${'[],'.repeat(100_001)}[]]}`)).toMatchObject({
    code: 'invalid_request',
  });
});

describe('what only a provider can read', () => {
  const tools = [{ name: 'f', input_schema: { type: 'object' } }];
  const signed = { extra_content: { google: { thought_signature: 'Eo4GCosG===' } } };
  const called = { id: 'function-call-1', type: 'function', function: { name: 'f', arguments: '{}' } };
  const reply = { choices: [{ message: { tool_calls: [{ ...called, ...signed }] }, finish_reason: 'stop' }] };
  const asked = (request: object, provider: string, organizationId: string): [Translation, Target] => {
    const to = { ...target, provider: { ...target.provider, name: provider } };
    const ask = { body: Buffer.from(JSON.stringify(request)), model: 'claude', inputTokensEstimate: 7, omitted: [] };
    const key = { snapshot: { organizationId } };
    const exchange = { ask, key, requestId: '0198-aa', startedAtMs: 1_000 } as unknown as Routed;
    return [translator(messages, exchange, SEALED_IDS)(to) as Translation, to];
  };
  const answered = (): readonly { type: string; signature?: string }[] => {
    const [translation] = asked({ ...REQUEST, tools }, 'gemini', 'org-1');
    const read = translation.readReply(Buffer.from(JSON.stringify(reply)), null);
    if (read.kind !== 'answer' || read.body === undefined) throw new Error(read.kind);
    return (JSON.parse(read.body.toString()) as { content: { type: string; signature?: string }[] }).content;
  };
  const sentBack = (content: readonly object[], provider = 'gemini', organizationId = 'org-1'): unknown => {
    const results = [{ type: 'tool_result', tool_use_id: 'function-call-1', content: 'fine' }];
    const turns = [REQUEST.messages[0], { role: 'assistant', content }, { role: 'user', content: results }];
    const [translation, to] = asked({ ...REQUEST, tools, messages: turns }, provider, organizationId);
    const body = JSON.parse(translation.bodyFor(to, call()).toString()) as { messages: { tool_calls?: unknown[] }[] };
    return body.messages.flatMap(({ tool_calls: calls = [] }) => calls)[0];
  };

  it('is sealed for the client, and opened for that provider and that organisation alone', () => {
    const content = answered();
    expect(content.map(({ type }) => type)).toEqual(['thinking', 'tool_use']);
    expect(JSON.stringify(content)).not.toContain('Eo4GCosG');
    expect(sentBack(content)).toEqual({ ...called, ...signed });
    expect(sentBack(content, 'another')).toEqual(called);
    expect(sentBack(content, 'gemini', 'org-2')).toEqual(called);
  });

  it('is left out where a client has changed it', () => {
    const content = answered().map((block) => ({
      ...block,
      ...(block.signature !== undefined && { signature: `${block.signature.slice(0, -1)}!` }),
    }));
    expect(sentBack(content)).toEqual(called);
  });
});

describe('a thought that only one target can read', () => {
  const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAAB' };
  const said = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'four' }] };
  const reply = { id: 'resp_1', status: 'completed', output: [reasoning, said] };
  const to = (name = 'openai', model = 'gpt-5.1'): Target => ({
    ...target,
    model,
    provider: { ...target.provider, name },
    dialects: new Set(['openai-responses' as const]),
  });
  const translated = (fields: object, at: Target, organizationId = 'org-1'): Translation => {
    const body = Buffer.from(JSON.stringify({ ...REQUEST, ...fields }));
    const ask = { body, model: 'claude', inputTokensEstimate: 7, omitted: [] };
    const key = { snapshot: { organizationId } };
    const exchange = { ask, key, requestId: '0198-aa', startedAtMs: 1_000 } as unknown as Routed;
    return translator(messages, exchange, SEALED_IDS)(at) as Translation;
  };
  const answered = (): readonly object[] => {
    const read = translated({}, to()).readReply(Buffer.from(JSON.stringify(reply)), null);
    if (read.kind !== 'answer' || read.body === undefined) throw new Error(read.kind);
    return (JSON.parse(read.body.toString()) as { content: object[] }).content;
  };
  const goesOn = (content: readonly object[], at: Target, organizationId?: string): [Translation, unknown[]] => {
    const turns = [REQUEST.messages[0], { role: 'assistant', content }, REQUEST.messages[0]];
    const translation = translated({ messages: turns }, at, organizationId);
    const { input } = JSON.parse(translation.bodyFor(at, call()).toString()) as { input: { type?: string }[] };
    return [translation, input.filter(({ type }) => type === 'reasoning')];
  };

  it('is sealed for the client, and goes back to the target that made it alone', () => {
    const content = answered();
    expect(JSON.stringify(content)).toContain('tg1.anothers_thought.openai.encrypted.');
    expect(JSON.stringify(content)).not.toContain('gAAAAB');
    const [maker, thoughts] = goesOn(content, to());
    expect(thoughts).toEqual([reasoning]);
    expect(maker.isMaker).toBe(true);
    for (const [at, organizationId] of [
      [to('azure'), 'org-1'],
      [to('openai', 'gpt-5.2'), 'org-1'],
      [to(), 'org-2'],
    ] as const) {
      const [other, none] = goesOn(content, at, organizationId);
      expect(none).toEqual([]);
      expect(other.isMaker).toBe(false);
    }
  });

  it('is left out where nobody knows who made it', () => {
    const signature = 'tg1.anothers_thought.openai.encrypted..gAAAAB';
    const content = [
      { type: 'thinking', thinking: '', signature },
      { type: 'text', text: 'four' },
    ];
    expect(goesOn(content, to())[1]).toEqual([]);
  });

  it('has its maker asked first, whatever the weights say', () => {
    const [azure, openai] = [to('azure'), to()];
    const turns = [REQUEST.messages[0], { role: 'assistant', content: answered() }, REQUEST.messages[0]];
    const body = Buffer.from(JSON.stringify({ ...REQUEST, messages: turns }));
    const exchange = {
      ask: { body, model: 'claude', inputTokensEstimate: 7, omitted: [] },
      key: { snapshot: { organizationId: 'org-1' } },
      requestId: '0198-aa',
      startedAtMs: 1_000,
      targets: [azure, openai],
    } as unknown as Routed;
    expect(speak(messages, SEALED_IDS)(exchange)).toBeUndefined();
    expect(exchange.targets).toEqual([openai, azure]);
  });
});

it('has a side for each dialect that holds conversations', () => {
  expect(callerSide(messages)?.codec).toBe(anthropicMessages);
  expect(callerSide({ name: 'openai-embeddings' } as Dialect)).toBeNull();
});
