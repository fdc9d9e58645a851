import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { post, readNamedEvents } from '../chat-call.js';
import { startProviderSimulator, type ProviderSimulator } from '../server.js';

let simulator: ProviderSimulator;
beforeAll(async () => {
  simulator = await startProviderSimulator();
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.stop());

const base = { model: 'gpt-5', input: 'Hi' };
const call = (fields: object = {}) => post(simulator, '/v1/responses', { ...base, ...fields });
interface Shown {
  id: string;
  status: string;
  output: ({ type: string } & Record<string, unknown>)[];
  usage: Record<string, unknown> | null;
}
const plain = async (fields: object = {}) => (await (await call(fields)).json()) as Shown;
const tools = [
  { type: 'function', name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  { type: 'custom', name: 'apply_patch' },
];
const everything = {
  tools,
  reasoning: { effort: 'high' },
  simulator: { tool_calls: 2, web_searches: 1, cached_tokens: 5 },
};

describe('a plain response', () => {
  it("has the shape of OpenAI's", async () => {
    const response = await plain(everything);
    expect(response).toMatchObject({
      id: expect.stringMatching(/^resp_/) as string,
      object: 'response',
      status: 'completed',
      error: null,
      reasoning: { effort: 'high' },
      usage: {
        input_tokens_details: { cached_tokens: 5 },
        output_tokens: 20,
        output_tokens_details: { reasoning_tokens: 4 },
      },
    });
    expect(response.output.map(({ type }) => type)).toEqual([
      'reasoning',
      'web_search_call',
      'function_call',
      'custom_tool_call',
    ]);
    expect(response.output[2]).toMatchObject({ arguments: '{"city":"word0"}', status: 'completed' });
    expect(response.output[3]).toMatchObject({ input: 'word0 word1 word2 word3' });
  });

  it('that meets its ceiling is incomplete', async () => {
    expect(await plain({ max_output_tokens: 16, simulator: { completion_tokens: 20 } })).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { output_tokens: 16 },
    });
  });

  it('may be a refusal, JSON, or a failure', async () => {
    expect((await plain({ simulator: { refusal: true } })).output[0]).toMatchObject({ content: [{ type: 'refusal' }] });
    const format = {
      type: 'json_schema',
      name: 'a',
      schema: { type: 'object', properties: { n: { type: 'integer' } } },
    };
    expect((await plain({ text: { format } })).output[0]).toMatchObject({ content: [{ text: '{"n":1}' }] });
    expect(await plain({ simulator: { fail: 'error_mid_stream' } })).toMatchObject({
      status: 'failed',
      error: { code: 'server_error' },
      usage: null,
    });
  });

  it('is continued, with the earlier conversation as input', async () => {
    const first = await plain({ simulator: { prompt_tokens: 100 } });
    const log = () => simulator.log().at(-1);
    await plain({ previous_response_id: first.id });
    expect(log()?.usage?.prompt_tokens).toBe(116 + Math.ceil((log()?.body_bytes ?? 0) / 4));
    for (const id of ['resp_unknown', (await plain({ store: false })).id]) {
      const response = await call({ previous_response_id: id });
      expect([response.status, await response.json()]).toEqual([
        400,
        { error: expect.objectContaining({ code: 'previous_response_not_found' }) as unknown },
      ]);
    }
  });

  it('takes the results of its calls, and seals that it made', async () => {
    const include = ['reasoning.encrypted_content'];
    const { id, output } = await plain({ ...everything, include });
    const results = [
      { type: 'function_call_output', call_id: output[2]?.['call_id'], output: 'sunny' },
      { type: 'custom_tool_call_output', call_id: output[3]?.['call_id'], output: 'done' },
    ];
    expect((await call({ previous_response_id: id, input: results })).status).toBe(200);
    expect((await call({ input: [...output, ...results] })).status).toBe(200);
    expect((await call({ input: results })).status).toBe(400);
    expect((await call({ input: [...output, results[0]] })).status).toBe(400);
    const foreign = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAAA' };
    const response = await call({ input: [foreign, { role: 'user', content: 'Hi' }] });
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_encrypted_content' } });
  });

  it('is refused with a field of another dialect', async () => {
    const response = await call({ stop: ['a'] });
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: expect.objectContaining({ param: 'stop', code: 'unknown_parameter' }) as unknown },
    ]);
  });
});

describe('a stream', () => {
  it('is strict: numbers on all events, each item added and done once, and no [DONE]', async () => {
    const events = await readNamedEvents(await call({ ...everything, stream: true }));
    expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, i) => i));
    for (const word of ['added', 'done']) {
      const items = events.filter(({ type }) => type === `response.output_item.${word}`);
      expect(items.map((event) => event['output_index'])).toEqual([0, 1, 2, 3]);
    }
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(['response.created', 'response.in_progress']);
    expect(types.filter((type) => /^response\.(completed|incomplete|failed)$/.test(type))).toEqual([
      'response.completed',
    ]);
    expect(types.at(-1)).toBe('response.completed');
  });

  it('ends with what a plain response says', async () => {
    const end = (await readNamedEvents(await call({ stream: true }))).at(-1)?.['response'] as Shown;
    const whole = await plain();
    expect(end.output[0]?.['content']).toEqual(whole.output[0]?.['content']);
    expect(Object.keys(end)).toEqual(Object.keys(whole));
  });

  it('may fail in the middle', async () => {
    const told = { fail: 'error_mid_stream', fail_after_chunks: 2 };
    const events = await readNamedEvents(await call({ stream: true, simulator: told }));
    expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, i) => i));
    expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { error: { code: 'server_error' } } });
  });

  it('may be incomplete', async () => {
    const told = { completion_tokens: 20 };
    const events = await readNamedEvents(await call({ stream: true, max_output_tokens: 16, simulator: told }));
    expect(events.at(-1)?.type).toBe('response.incomplete');
  });
});

describe('beside responses', () => {
  it('a conversation is compacted into a sealed item that is taken back', async () => {
    const compacted = (await (await post(simulator, '/v1/responses/compact', base)).json()) as Shown;
    expect(compacted).toMatchObject({ object: 'response.compaction', usage: { output_tokens: 16 } });
    expect((await call({ input: [...compacted.output, { role: 'user', content: 'Hi' }] })).status).toBe(200);
  });

  it('completions answer each prompt n times', async () => {
    const body = { model: 'm', prompt: ['a', 'b'], n: 2, max_tokens: 3 };
    const whole = (await (await post(simulator, '/v1/completions', body)).json()) as { choices: object[] };
    expect(whole).toMatchObject({ object: 'text_completion', usage: { completion_tokens: 12 } });
    expect(whole.choices).toHaveLength(4);
    expect(whole.choices[3]).toEqual({ text: 'word0 word1 word2', index: 3, logprobs: null, finish_reason: 'length' });
    const streamed = await post(simulator, '/v1/completions', {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    const text = await streamed.text();
    expect(text).toContain('"choices":[],"usage":{"prompt_tokens"');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it("Azure's paths answer", async () => {
    expect((await post(simulator, '/openai/v1/responses', base)).status).toBe(200);
    expect((await post(simulator, '/openai/responses?api-version=2026-01-01', base)).status).toBe(200);
    expect((await post(simulator, '/openai/responses', base)).status).toBe(404);
    const deployment = '/openai/deployments/mine/completions?api-version=2026-01-01';
    expect(await (await post(simulator, deployment, { prompt: 'a' })).json()).toMatchObject({ model: 'mine' });
  });
});
