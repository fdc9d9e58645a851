import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callChat, control, readEvents } from './chat-call.js';
import { startProviderSimulator, type ProviderSimulator } from './server.js';

let simulator: ProviderSimulator;
beforeAll(async () => {
  simulator = await startProviderSimulator();
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.stop());

const last = () => simulator.log().at(-1);

/**
 * What of an answer reached the client before the connection broke. Not by fetch, which drops what is unread when it
 * breaks.
 */
async function readUntilBroken(told: object, stream: boolean): Promise<{ text: string; brokenBy: string | undefined }> {
  const call = request(`${simulator.baseUrl}/chat/completions`, { method: 'POST' });
  // After its answer has begun, a request reports a broken connection a second time.
  call.on('error', () => undefined);
  call.end(JSON.stringify({ model: 'm', messages: [{}], stream, simulator: told }));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (part: string) => (text += part));
  return new Promise((resolve) => {
    response.once('error', (error: NodeJS.ErrnoException) => resolve({ text, brokenBy: error.code }));
    response.once('end', () => resolve({ text, brokenBy: undefined }));
  });
}

describe('who tells', () => {
  it('a field of the body, which is part of what is logged', async () => {
    expect((await callChat(simulator, { simulator: { fail_status: 503 } })).status).toBe(503);
    expect(last()?.behaviour).toEqual({ fail_status: 503 });
  });

  it('the model name, whole in the answer', async () => {
    const model = 'gpt-4o-mini?completion_tokens=2&omit_usage=true';
    const answer = (await (await callChat(simulator, { model })).json()) as object;
    expect(answer).toMatchObject({ model, choices: [{ message: { content: 'word0 word1' } }] });
    expect(answer).not.toHaveProperty('usage');
  });

  it('the control endpoint, for all requests that say nothing themselves', async () => {
    const { status, json } = await control(simulator, 'POST', 'behaviour', { fail_status: 500 });
    expect([status, json['behaviour']]).toEqual([200, { fail_status: 500 }]);
    expect((await callChat(simulator)).status).toBe(500);
    expect((await callChat(simulator)).status).toBe(500);
    expect((await callChat(simulator, { simulator: {} })).status).toBe(200);
    await control(simulator, 'POST', 'reset');
    expect((await callChat(simulator)).status).toBe(200);
  });

  it('the control endpoint, for the next few only', async () => {
    await control(simulator, 'POST', 'behaviour', { fail_status: 500, first_n: 2 });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await callChat(simulator)).status);
    expect(statuses).toEqual([500, 500, 200, 200]);
  });

  it.each([
    ['an unknown field', { delay: 5 }],
    ['a wrong type', { delay_ms: '5' }],
    ['a negative number', { chunks: -1 }],
    ['a contradiction', { fail: 'hang', fail_status: 500 }],
    ['a count without its failure', { fail_after_chunks: 2 }],
  ])('nobody, with %s', async (_what, wrong) => {
    expect((await control(simulator, 'POST', 'behaviour', wrong)).status).toBe(400);
    expect(() => simulator.setBehaviour(wrong as object)).toThrow(TypeError);
    const response = await callChat(simulator, { simulator: wrong });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_behaviour' } });
    expect((await callChat(simulator)).status).toBe(200);
  });
});

describe('what is told', () => {
  it('delay_ms: no byte before it', async () => {
    const start = performance.now();
    await callChat(simulator, { stream: true, simulator: { delay_ms: 60 } });
    // Timers count whole milliseconds and may fire up to one early.
    expect(performance.now() - start).toBeGreaterThanOrEqual(58);
  });

  it('chunks and chunk_interval_ms: so many, so far apart', async () => {
    const start = performance.now();
    const events = await readEvents(
      await callChat(simulator, { stream: true, simulator: { chunks: 4, chunk_interval_ms: 20 } }),
    );
    expect(performance.now() - start).toBeGreaterThanOrEqual(57);
    expect(events).toHaveLength(1 + 4 + 1 + 1);
    expect(last()?.chunks_sent).toBe(4);
  });

  it('prompt_tokens and completion_tokens: reported as told, never more chunks than tokens', async () => {
    const body = {
      stream: true,
      stream_options: { include_usage: true },
      simulator: { prompt_tokens: 1000, completion_tokens: 3 },
    };
    const events = await readEvents(await callChat(simulator, body));
    expect(events).toHaveLength(1 + 3 + 1 + 1 + 1);
    expect(events.at(-2)).toMatchObject({ usage: { prompt_tokens: 1000, completion_tokens: 3, total_tokens: 1003 } });
  });

  it('content_bytes: to the byte', async () => {
    const answer = (await (await callChat(simulator, { simulator: { content_bytes: 12_345 } })).json()) as {
      choices: { message: { content: string } }[];
    };
    expect(answer.choices[0]?.message.content).toHaveLength(12_345);
  });

  it('omit_usage: no chunk and no field although asked for, and the log knows both', async () => {
    const events = await readEvents(
      await callChat(simulator, {
        stream: true,
        stream_options: { include_usage: true },
        simulator: { omit_usage: true },
      }),
    );
    expect(events.some((event) => event !== '[DONE]' && 'usage' in event)).toBe(false);
    expect(last()).toMatchObject({ usage: { completion_tokens: 16 }, usage_reported: false });
  });

  it.each([
    [400, 'invalid_request_error'],
    [429, 'requests'],
    [500, 'server_error'],
    [418, 'invalid_request_error'],
  ])("fail_status %i: OpenAI's error shape, streamed or not", async (status, type) => {
    for (const stream of [false, true]) {
      const response = await callChat(simulator, { stream, simulator: { fail_status: status } });
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({
        error: expect.objectContaining({ type, message: expect.any(String) as string, param: null }) as unknown,
      });
      expect(last()).toMatchObject({ outcome: 'failed', status, usage_reported: false });
    }
  });

  it('reset_before_first_byte: the connection breaks without an answer', async () => {
    await expect(callChat(simulator, { simulator: { fail: 'reset_before_first_byte' } })).rejects.toThrow(
      'fetch failed',
    );
    expect(last()).toMatchObject({ outcome: 'reset', status: null, bytes_sent: 0 });
  });

  it.each([0, 3, 8])('reset_mid_stream after %i chunks: exactly those arrive, no finish, no usage', async (after) => {
    const { text, brokenBy } = await readUntilBroken({ fail: 'reset_mid_stream', fail_after_chunks: after }, true);
    expect(brokenBy).toBe('ECONNRESET');
    expect(text.split('\n\n')).toHaveLength(1 + after + 1);
    expect(text).not.toContain('"finish_reason":"stop"');
    expect(last()).toMatchObject({
      outcome: 'reset',
      status: 200,
      chunks_sent: after,
      bytes_sent: text.length,
      usage_reported: false,
    });
  });

  it('reset_mid_stream of a plain answer: half of it arrives', async () => {
    const { text, brokenBy } = await readUntilBroken({ fail: 'reset_mid_stream' }, false);
    expect(brokenBy).toBe('ECONNRESET');
    expect(text).toMatch(/^\{"id":"chatcmpl-.*[^}]$/);
    expect(last()).toMatchObject({ outcome: 'reset', status: 200, bytes_sent: text.length });
  });

  it('error_mid_stream: an error in the stream, then its end', async () => {
    const told = { fail: 'error_mid_stream', fail_after_chunks: 2 } as const;
    const events = await readEvents(await callChat(simulator, { stream: true, simulator: told }));
    expect(events).toHaveLength(1 + 2 + 1);
    expect(events.at(-1)).toMatchObject({ error: { type: 'server_error' } });
    expect(last()).toMatchObject({ outcome: 'answered', usage_reported: false });
    expect((await callChat(simulator, { simulator: { fail: 'error_mid_stream' } })).status).toBe(500);
  });

  it('end_mid_stream: half an event, or half of the JSON', async () => {
    const told = { fail: 'end_mid_stream' } as const;
    const streamed = await (await callChat(simulator, { stream: true, simulator: told })).text();
    expect(streamed.split('\n\n')).toHaveLength(1 + 1 + 1);
    expect(streamed).toMatch(/[^\n]$/);
    await expect((await callChat(simulator, { simulator: told })).json()).rejects.toThrow(SyntaxError);
  });

  it('html: a page, with 200', async () => {
    const response = await callChat(simulator, { simulator: { fail: 'html' } });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html']);
  });

  it('hang: no answer until the client leaves', async () => {
    const leaving = new AbortController();
    const call = callChat(simulator, { simulator: { fail: 'hang' } }, { signal: leaving.signal });
    await expect.poll(() => last()?.behaviour).toEqual({ fail: 'hang' });
    expect(last()?.outcome).toBe('pending');
    leaving.abort();
    await expect(call).rejects.toThrow();
    await expect.poll(() => last()?.outcome).toBe('client_left');
    expect(last()?.bytes_sent).toBe(0);
  });
});

describe('a client that leaves', () => {
  it('in mid-stream is noticed: nothing more is sent', async () => {
    const leaving = new AbortController();
    const response = await callChat(
      simulator,
      { stream: true, simulator: { chunks: 1000, chunk_interval_ms: 5 } },
      { signal: leaving.signal },
    );
    await (response.body as ReadableStream<Uint8Array>).getReader().read();
    leaving.abort();
    await expect.poll(() => last()?.outcome).toBe('client_left');
    const { chunks_sent, status } = last() ?? {};
    expect(status).toBe(200);
    expect(chunks_sent).toBeLessThan(1000);
    // Ten intervals' worth of other requests later the count is the same.
    await readEvents(await callChat(simulator, { stream: true, simulator: { chunks: 11, chunk_interval_ms: 5 } }));
    expect(simulator.log().at(-2)?.chunks_sent).toBe(chunks_sent);
  });

  it('while its answer is delayed is noticed', async () => {
    const leaving = new AbortController();
    const call = callChat(simulator, { simulator: { delay_ms: 60_000 } }, { signal: leaving.signal });
    await expect.poll(() => last()?.behaviour).toEqual({ delay_ms: 60_000 });
    leaving.abort();
    await expect(call).rejects.toThrow();
    await expect.poll(() => last()?.outcome).toBe('client_left');
  });
});
