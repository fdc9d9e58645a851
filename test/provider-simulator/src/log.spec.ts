import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callChat, control } from './chat-call.js';
import type { LogEntry } from './log.js';
import { startProviderSimulator, type ProviderSimulator } from './server.js';

let simulator: ProviderSimulator;
beforeAll(async () => {
  simulator = await startProviderSimulator();
});
beforeEach(async () => {
  simulator.reset();
  await control(simulator, 'DELETE', 'log');
});
afterAll(() => simulator.stop());

const entries = async (after = 0) =>
  (await control(simulator, 'GET', `log?after=${after}`)).json['entries'] as LogEntry[];

describe('the log', () => {
  it('tells what was asked and what was answered', async () => {
    const body = JSON.stringify({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'Grüße' }],
      stream: true,
      stream_options: { include_usage: true },
    });
    const response = await callChat(
      simulator,
      {},
      { body, headers: { 'x-request-id': 'req-1', authorization: 'Bearer credential-of-the-provider-abcd' } },
    );
    const text = await response.text();
    const [entry] = await entries();
    expect(entry).toEqual({
      n: expect.any(Number) as number,
      request_id: 'req-1',
      received_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      method: 'POST',
      path: '/v1/chat/completions',
      query: '',
      model: 'gpt-4o',
      stream: true,
      body_bytes: Buffer.byteLength(body),
      headers: expect.objectContaining({ authorization: '[present] …abcd', 'x-request-id': 'req-1' }) as Record<
        string,
        string
      >,
      behaviour: {},
      outcome: 'answered',
      status: 200,
      usage: { prompt_tokens: Math.ceil(Buffer.byteLength(body) / 4), completion_tokens: 16 },
      usage_details: {
        cached_tokens: 0,
        cache_write_tokens: 0,
        cache_write_1h_tokens: 0,
        reasoning_tokens: 0,
        web_searches: 0,
      },
      media: { images: 0, files: 0, audio: 0 },
      usage_reported: true,
      bytes_sent: Buffer.byteLength(text),
      chunks_sent: 8,
    });
    expect(response.headers.get('x-request-id')).toBe(`req_simulator${entry?.n}`);
  });

  it('shows nothing of a short credential', async () => {
    await callChat(simulator, {}, { headers: { 'x-api-key': 'abcd1234' } });
    expect((await entries())[0]?.headers['x-api-key']).toBe('[present]');
  });

  it('is read on from any number, and clearing it does not restart the count', async () => {
    for (let i = 0; i < 3; i++) await callChat(simulator);
    const [first, second, third] = await entries();
    expect((await entries(first?.n)).map(({ n }) => n)).toEqual([second?.n, third?.n]);
    await control(simulator, 'DELETE', 'log');
    expect(await entries()).toEqual([]);
    await callChat(simulator);
    expect((await entries()).map(({ n }) => n)).toEqual([(third?.n ?? 0) + 1]);
    expect((await control(simulator, 'GET', 'log?after=x')).status).toBe(400);
  });

  it('keeps the newest entries up to its limit and counts what it dropped', async () => {
    const small = await startProviderSimulator({ logLimit: 2 });
    for (let i = 0; i < 5; i++) await callChat(small);
    expect(small.log().map(({ n }) => n)).toEqual([4, 5]);
    expect((await control(small, 'GET', 'log')).json['dropped']).toBe(3);
    await small.stop();
  });
});

describe('the bodies', () => {
  it('are kept byte for byte', async () => {
    const body = '{"messages" : [{"role":"user","content":"\\u00e9"}],  "model":"m", "unknown_field": 1.10}';
    await callChat(simulator, {}, { body });
    const kept = await fetch(`${simulator.url}/simulator/log/${simulator.log().at(-1)?.n}/body`);
    expect(await kept.text()).toBe(body);
  });

  it('are kept for the last 100 requests', async () => {
    for (let i = 0; i < 101; i++) await callChat(simulator);
    const [first, second] = simulator.log();
    expect((await fetch(`${simulator.url}/simulator/log/${first?.n}/body`)).status).toBe(404);
    expect((await fetch(`${simulator.url}/simulator/log/${second?.n}/body`)).status).toBe(200);
  });

  it('are kept to the first mebibyte', async () => {
    await callChat(simulator, { padding: 'x'.repeat(2_000_000) });
    const kept = await fetch(`${simulator.url}/simulator/log/${simulator.log().at(-1)?.n}/body`);
    expect((await kept.arrayBuffer()).byteLength).toBe(1024 * 1024);
    expect(simulator.log().at(-1)?.body_bytes).toBeGreaterThan(2_000_000);
  });
});
