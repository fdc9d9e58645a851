import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startProviderSimulator, type ProviderSimulator } from './server.js';

let simulator: ProviderSimulator;
beforeAll(async () => {
  simulator = await startProviderSimulator({ requiredCredential: 'secret' });
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.stop());

const BEARER = { authorization: 'Bearer secret' };
const AZURE = { 'api-key': 'secret' };

function ask(fields: object, path = '/v1/embeddings', headers: Record<string, string> = BEARER): Promise<Response> {
  const body = JSON.stringify({ model: 'text-embedding-3-small', input: 'Hi', ...fields });
  return fetch(simulator.url + path, { method: 'POST', headers, body });
}

interface Vectors {
  data: { index: number; embedding: number[] & string }[];
  usage?: object;
}
const vectors = async (fields: object): Promise<Vectors> => (await (await ask(fields)).json()) as Vectors;

describe('embeddings', () => {
  it("have the shape of OpenAI's, and are logged with their usage", async () => {
    const reply = await vectors({ input: ['a', 'b'], dimensions: 3 });
    const { body_bytes: bytes } = simulator.log().at(-1)!;
    const usage = { prompt_tokens: Math.ceil(bytes / 4), total_tokens: Math.ceil(bytes / 4) };
    expect(reply).toEqual({
      object: 'list',
      model: 'text-embedding-3-small',
      data: [0, 1].map((index) => ({ object: 'embedding', index, embedding: expect.any(Array) as unknown })),
      usage,
    });
    expect(reply.data.map(({ embedding }) => embedding.length)).toEqual([3, 3]);
    expect(simulator.log().at(-1)).toMatchObject({
      model: 'text-embedding-3-small',
      path: '/v1/embeddings',
      usage: { prompt_tokens: usage.prompt_tokens, completion_tokens: 0 },
      usage_reported: true,
      outcome: 'answered',
    });
  });
  it('are the same numbers in base64, for the same input', async () => {
    const floats = (await vectors({ dimensions: 40 })).data[0]!.embedding;
    const coded = Buffer.from(
      (await vectors({ dimensions: 40, encoding_format: 'base64' })).data[0]!.embedding,
      'base64',
    );
    expect([...new Float32Array(coded.buffer.slice(coded.byteOffset, coded.byteOffset + coded.length))]).toEqual(
      floats,
    );
    expect((await vectors({ input: 'other', dimensions: 40 })).data[0]!.embedding).not.toEqual(floats);
  });
  it('count the tokens that a caller cut itself', async () => {
    expect((await vectors({ input: [1, 2, 3] })).usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    const lists = await vectors({ input: [[1, 2], [3]] });
    expect(lists).toMatchObject({ data: { length: 2 }, usage: { prompt_tokens: 3 } });
  });
  it.each([
    ['no input', { input: undefined }],
    ['an empty text', { input: '' }],
    ['an empty list', { input: [] }],
    ['texts and tokens', { input: ['a', 1] }],
    ['an object', { input: [{ text: 'a' }] }],
    ['another coding', { encoding_format: 'hex' }],
    ['no dimension', { dimensions: 0 }],
  ])('are refused with %s', async (_what, fields) => {
    expect((await ask(fields)).status).toBe(400);
  });
  it('fail as they are told', async () => {
    expect((await ask({ simulator: { fail_status: 503 } })).status).toBe(503);
    await expect(ask({ simulator: { fail: 'reset_before_first_byte' } })).rejects.toThrow();
    await expect(vectors({ simulator: { fail: 'reset_mid_stream' } })).rejects.toThrow();
    expect(await vectors({ simulator: { omit_usage: true } })).not.toHaveProperty('usage');
    expect((await vectors({ model: 'm?prompt_tokens=7' })).usage).toMatchObject({ prompt_tokens: 7 });
  });
});

describe('the paths of Azure', () => {
  const chat = { messages: [{ role: 'user', content: 'Hi' }] };

  it('take the deployment for the model, and need a version and a key of their own', async () => {
    const path = '/openai/deployments/my%20model/embeddings';
    expect((await ask({}, path, AZURE)).status).toBe(404);
    expect((await ask({}, `${path}?api-version=x`, BEARER)).status).toBe(401);
    const reply = await ask({}, `${path}?api-version=x`, AZURE);
    expect(await reply.json()).toMatchObject({ model: 'my model' });
    expect(simulator.log().at(-1)).toMatchObject({ model: 'my model', path, query: 'api-version=x' });
  });
  it('of its newer API are as OpenAI’s, with the key of Azure', async () => {
    expect((await ask({}, '/openai/v1/embeddings', AZURE)).status).toBe(200);
    expect((await ask({}, '/openai/v1/embeddings', BEARER)).status).toBe(401);
    expect(await (await ask(chat, '/openai/v1/chat/completions', AZURE)).json()).toHaveProperty(
      'prompt_filter_results',
    );
  });
  it('begin a stream with what a filter found, without a choice', async () => {
    const path = '/openai/deployments/d/chat/completions?api-version=x';
    const events = (await (await ask({ ...chat, stream: true }, path, AZURE)).text()).split('\n\n');
    expect(JSON.parse(events[0]!.slice('data: '.length))).toMatchObject({
      choices: [],
      prompt_filter_results: [{ prompt_index: 0 }],
    });
    expect(events[1]).toContain('"role":"assistant"');
  });
});
