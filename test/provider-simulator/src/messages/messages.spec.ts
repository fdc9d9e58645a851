import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { post, readNamedEvents } from '../chat-call.js';
import { startProviderSimulator, type ProviderSimulator } from '../server.js';

let simulator: ProviderSimulator;
beforeAll(async () => {
  simulator = await startProviderSimulator();
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.stop());

const version = { 'anthropic-version': '2023-06-01' };
const base = { model: 'claude-sonnet-4-5', max_tokens: 1000, messages: [{ role: 'user', content: 'Hi' }] };
const call = (fields: object = {}) => post(simulator, '/v1/messages', { ...base, ...fields }, version);
const plain = async (fields: object = {}) => (await (await call(fields)).json()) as Record<string, unknown>;
const weather = { name: 'weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } };
const noArguments = { name: 'now', input_schema: { type: 'object', properties: {} } };
const last = () => simulator.log().at(-1);

describe('a plain message', () => {
  it("has the shape of Anthropic's, with usage in disjoint classes", async () => {
    const told = { prompt_tokens: 100, cached_tokens: 60, cache_write_tokens: 20, cache_write_1h_tokens: 5 };
    const response = await call({ simulator: told });
    expect(response.headers.get('request-id')).toBe(`req_simulator${last()?.n}`);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^msg_/) as string,
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-5',
      content: [{ type: 'text', text: expect.stringMatching(/^word0 .* word15$/) as string }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: {
        input_tokens: 15,
        cache_creation_input_tokens: 25,
        cache_read_input_tokens: 60,
        cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 5 },
        output_tokens: 16,
        service_tier: 'standard',
      },
    });
    expect(last()).toMatchObject({
      usage: { prompt_tokens: 100, completion_tokens: 16 },
      usage_details: { cached_tokens: 60, cache_write_tokens: 25, cache_write_1h_tokens: 5 },
      usage_reported: true,
    });
  });

  it.each([
    ['its ceiling', { max_tokens: 3 }, { stop_reason: 'max_tokens', content: [{ text: 'word0 word1 word2' }] }],
    [
      'a stop sequence',
      { stop_sequences: ['word9', ' word2'] },
      { stop_reason: 'stop_sequence', stop_sequence: ' word2', content: [{ text: 'word0 word1' }] },
    ],
    ['a refusal', { simulator: { refusal: true } }, { stop_reason: 'refusal' }],
    [
      'a call that the prompt asks for',
      { tools: [weather, noArguments], messages: [{ role: 'user', content: 'Please call now' }] },
      { stop_reason: 'tool_use', content: [{ type: 'tool_use', name: 'now', input: {} }] },
    ],
    [
      'parallel calls',
      { tools: [weather], simulator: { tool_calls: 2 } },
      { stop_reason: 'tool_use', content: [{ name: 'weather', input: { city: 'word0' } }, { name: 'weather' }] },
    ],
    [
      'one call that is forced',
      { tools: [weather], tool_choice: { type: 'any', disable_parallel_tool_use: true } },
      { stop_reason: 'tool_use', content: [{ name: 'weather' }] },
    ],
    [
      'JSON that fits a schema',
      { output_config: { format: { type: 'json_schema', schema: weather.input_schema } } },
      { content: [{ text: '{"city":"word0"}' }] },
    ],
    ['searches', { simulator: { web_searches: 2 } }, { usage: { server_tool_use: { web_search_requests: 2 } } }],
  ])('ends with %s', async (_what, fields, expected) => {
    expect(await plain(fields)).toMatchObject(expected);
  });

  it('counts images, and their data as no text', async () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(40_000) } };
    await call({ messages: [{ role: 'user', content: [image, { type: 'text', text: 'What is it?' }] }] });
    expect(last()?.media).toEqual({ images: 1, files: 0, audio: 0 });
    expect(last()?.usage?.prompt_tokens).toBeLessThan(200);
  });

  it('believes the thoughts that it signed, and no others', async () => {
    const { content } = await plain({ thinking: { type: 'adaptive' } });
    const turns = (parts: unknown) => [
      ...base.messages,
      { role: 'assistant', content: parts },
      { role: 'user', content: 'Go on' },
    ];
    expect((await call({ messages: turns(content) })).status).toBe(200);
    const [thought] = content as object[];
    expect((await call({ messages: turns([{ ...thought, signature: 'c29tZQ==' }]) })).status).toBe(400);
  });
});

describe('a stream', () => {
  const told = { thinking_tokens: 4, tool_calls: 2, web_searches: 1 };

  it('opens and closes each block once, with indexes without gaps, and ends once', async () => {
    const events = await readNamedEvents(await call({ stream: true, tools: [weather, noArguments], simulator: told }));
    const types = events.map(({ type }) => type).filter((type) => type !== 'content_block_delta');
    const block = ['content_block_start', 'content_block_stop'];
    expect(types).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_stop',
      ...Array<string[]>(4).fill(block).flat(),
      'message_delta',
      'message_stop',
    ]);
    const indexes = events.filter(({ type }) => type === 'content_block_start').map(({ index }) => index);
    expect(indexes).toEqual([0, 1, 2, 3, 4]);
    expect(events.at(-2)).toMatchObject({
      delta: { stop_reason: 'tool_use' },
      usage: { output_tokens: 20, server_tool_use: { web_search_requests: 1 } },
    });
    expect(events[0]).toMatchObject({ message: { usage: { output_tokens: 1 } } });
  });

  it('says the same as the plain message', async () => {
    const fields = { tools: [weather], simulator: { ...told, tool_calls: 0 } };
    const events = await readNamedEvents(await call({ ...fields, stream: true }));
    const text = events.map(({ delta }) => (delta as { text?: string } | undefined)?.text ?? '').join('');
    expect(await plain(fields)).toMatchObject({ content: expect.arrayContaining([{ type: 'text', text }]) as unknown });
  });

  it('may have an error in the middle', async () => {
    const response = await call({ stream: true, simulator: { fail: 'error_mid_stream', fail_after_chunks: 2 } });
    const events = await readNamedEvents(response);
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { type: 'overloaded_error' } });
    expect(last()).toMatchObject({ chunks_sent: 2, usage_reported: false });
  });
});

describe('a request that Anthropic would refuse', () => {
  const use = (id: string) => ({ type: 'tool_use', id, name: 'weather', input: {} });
  const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'sunny' });
  const turns = (answer: object[], next: object[]) => [
    ...base.messages,
    { role: 'assistant', content: answer },
    { role: 'user', content: next },
  ];

  it.each([
    ['without a ceiling', { max_tokens: undefined }],
    ['with a field of OpenAI', { n: 2 }],
    ['with an empty text', { messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] }],
    ['with a result without its call', { messages: turns([{ type: 'text', text: 'Yes' }], [result('a')]) }],
    ['with a call without its result', { messages: turns([use('a'), use('b')], [result('a')]) }],
    ['with text before a result', { messages: turns([use('a')], [{ type: 'text', text: 'So' }, result('a')]) }],
    ['with an id of another vendor', { messages: turns([use('functions.a:0')], [result('functions.a:0')]) }],
    ['with a label that is none', { messages: turns([use('a')], [result('a'), { type: 'input_text', text: 'x' }]) }],
    ['with a budget above the ceiling', { thinking: { type: 'enabled', budget_tokens: 1024 } }],
    [
      'with a forced tool while it thinks',
      { thinking: { type: 'adaptive' }, tools: [weather], tool_choice: { type: 'any' } },
    ],
    ['with a temperature of 2', { temperature: 2 }],
    ['with a stop sequence of white space', { stop_sequences: ['\n'] }],
    ['with a tool without an object schema', { tools: [{ name: 'a', input_schema: {} }] }],
  ])('%s is 400 in its shape', async (_what, fields) => {
    const response = await call(fields);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.any(String) as string },
      request_id: `req_simulator${last()?.n}`,
    });
  });

  it('and one without a version', async () => {
    expect((await post(simulator, '/v1/messages', base)).status).toBe(400);
  });

  it.each([
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [529, 'overloaded_error'],
  ])('or fails with %i', async (status, type) => {
    const response = await call({ simulator: { fail_status: status, retry_after_ms: 20 } });
    expect(response.headers.get('retry-after-ms')).toBe('20');
    expect([response.status, await response.json()]).toEqual([
      status,
      expect.objectContaining({ error: expect.objectContaining({ type }) as unknown }),
    ]);
  });
});

describe('beside messages', () => {
  it('tokens are counted, for nothing', async () => {
    const counted = await post(simulator, '/v1/messages/count_tokens', { ...base, max_tokens: undefined }, version);
    expect(await counted.json()).toEqual({ input_tokens: expect.any(Number) as number });
    expect(last()).toMatchObject({ usage: null, usage_reported: false });
  });

  it('models are listed as a page, and found', async () => {
    const list = (await (await fetch(`${simulator.url}/v1/models`, { headers: version })).json()) as {
      first_id: string;
    };
    expect(list).toMatchObject({ has_more: false, data: [{ type: 'model' }, {}] });
    const one = await fetch(`${simulator.url}/v1/models/${list.first_id}`, { headers: version });
    expect(await one.json()).toMatchObject({ id: list.first_id });
    expect((await fetch(`${simulator.url}/v1/models/none`)).status).toBe(404);
  });

  it('either header carries the credential', async () => {
    const credential = 'provider-credential-of-the-spec';
    const strict = await startProviderSimulator({ requiredCredential: credential });
    const status = async (headers: Record<string, string>) =>
      (await post(strict, '/v1/messages', base, { ...version, ...headers })).status;
    expect(await status({ 'x-api-key': credential })).toBe(200);
    expect(await status({ authorization: `Bearer ${credential}` })).toBe(200);
    expect(await status({})).toBe(401);
    await strict.stop();
  });
});
