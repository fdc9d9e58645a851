import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callChat, readEvents, type StreamEvent } from '../chat-call.js';
import { startProviderSimulator, type ProviderSimulator } from '../server.js';

let simulator: ProviderSimulator;
beforeAll(async () => {
  simulator = await startProviderSimulator();
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.stop());

const kind = (event: StreamEvent): string => {
  if (event === '[DONE]') return 'done';
  const [choice] = event.choices;
  if (choice === undefined) return 'usage';
  return choice.finish_reason ?? (choice.delta.role === undefined ? 'content' : 'role');
};

describe('a plain answer', () => {
  it("has the shape of OpenAI's, with usage derived from the body", async () => {
    const response = await callChat(simulator);
    const bytes = simulator.log().at(-1)?.body_bytes ?? 0;
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-/) as string,
      object: 'chat.completion',
      created: expect.any(Number) as number,
      model: 'gpt-4o-mini',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content:
              'word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 word10 word11 word12 word13 word14 word15',
            refusal: null,
            annotations: [],
          },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: Math.ceil(bytes / 4),
        completion_tokens: 16,
        total_tokens: Math.ceil(bytes / 4) + 16,
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
      service_tier: 'default',
      system_fingerprint: 'fp_simulator',
    });
  });

  it.each([{ max_tokens: 3 }, { max_completion_tokens: 3 }, { max_tokens: 3, max_completion_tokens: 9 }])(
    'is cut at the ceiling of %j with finish_reason length',
    async (ceiling) => {
      const answer = await (await callChat(simulator, ceiling)).json();
      expect(answer).toMatchObject({
        choices: [{ finish_reason: 'length', message: { content: 'word0 word1 word2' } }],
        usage: { completion_tokens: 3 },
      });
    },
  );

  it('with a ceiling that is just reached is not cut', async () => {
    const answer = await (await callChat(simulator, { max_tokens: 16 })).json();
    expect(answer).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: { completion_tokens: 16 } });
  });

  it('with n gives n choices and counts the tokens of all', async () => {
    const answer = await (await callChat(simulator, { n: 3, max_tokens: 5 })).json();
    expect(answer).toMatchObject({
      choices: [{ index: 0 }, { index: 1 }, { index: 2 }],
      usage: { completion_tokens: 15 },
    });
  });
});

describe('a stream', () => {
  it('that asks for usage: role, content, finish, usage with no choices, done; usage null on the others', async () => {
    const response = await callChat(simulator, { stream: true, stream_options: { include_usage: true } });
    const events = await readEvents(response);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(events.map(kind)).toEqual(['role', ...Array<string>(8).fill('content'), 'stop', 'usage', 'done']);
    const chunks = events.filter((event) => event !== '[DONE]');
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({
      object: 'chat.completion.chunk',
      choices: [],
      usage: { completion_tokens: 16 },
    });
    expect(new Set(chunks.map((chunk) => (chunk as unknown as { id: string }).id)).size).toBe(1);
  });

  it('that does not ask for usage has neither the chunk nor the field', async () => {
    const events = await readEvents(await callChat(simulator, { stream: true }));
    expect(events.map(kind)).toEqual(['role', ...Array<string>(8).fill('content'), 'stop', 'done']);
    expect(events.some((event) => event !== '[DONE]' && 'usage' in event)).toBe(false);
  });

  it('says the same as the plain answer', async () => {
    const events = await readEvents(await callChat(simulator, { stream: true, max_tokens: 11 }));
    const plain = (await (await callChat(simulator, { max_tokens: 11 })).json()) as {
      choices: { message: { content: string } }[];
    };
    const streamed = events
      .map((event) => (event === '[DONE]' ? '' : (event.choices[0]?.delta.content ?? '')))
      .join('');
    expect(streamed).toBe(plain.choices[0]?.message.content);
  });

  it('with n sends every chunk for every choice, and one usage', async () => {
    const body = { stream: true, n: 2, max_tokens: 2, stream_options: { include_usage: true } };
    const events = await readEvents(await callChat(simulator, body));
    expect(events.map(kind)).toEqual([
      'role',
      'role',
      'content',
      'content',
      'content',
      'content',
      'length',
      'length',
      'usage',
      'done',
    ]);
    expect(events.map((event) => (event === '[DONE]' ? undefined : event.choices[0]?.index))).toEqual([
      0,
      1,
      0,
      1,
      0,
      1,
      0,
      1,
      undefined,
      undefined,
    ]);
    expect(events.at(-2)).toMatchObject({ usage: { completion_tokens: 4 } });
  });

  it('of many megabytes arrives whole', async () => {
    const events = await readEvents(
      await callChat(simulator, { stream: true, simulator: { content_bytes: 8_000_000, chunks: 100 } }),
    );
    const content = events.map((event) => (event === '[DONE]' ? '' : (event.choices[0]?.delta.content ?? ''))).join('');
    expect(content.length).toBe(8_000_000);
  });
});

describe('a request that OpenAI would refuse', () => {
  it.each([
    ['without messages', { messages: undefined }, 'messages'],
    ['with stream as a string', { stream: 'yes' }, 'stream'],
    ['with stream_options but no stream', { stream_options: { include_usage: true } }, 'stream_options'],
    ['with n of 0', { n: 0 }, 'n'],
    ['with a broken max_tokens', { max_tokens: 1.5 }, 'max_tokens'],
  ])('%s is 400', async (_what, fields, param) => {
    const response = await callChat(simulator, fields);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', param } });
    expect(simulator.log().at(-1)).toMatchObject({ outcome: 'failed', status: 400, usage: null });
  });

  it('is 400 when it is not JSON', async () => {
    const response = await callChat(simulator, {}, { body: '{"model":' });
    expect(response.status).toBe(400);
  });

  it('is 404 on a path that is not there', async () => {
    const response = await fetch(`${simulator.baseUrl}/images/generations`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'unknown_url' } });
  });
});

describe('the models', () => {
  it('are listed', async () => {
    const response = await fetch(`${simulator.baseUrl}/models`);
    expect(await response.json()).toMatchObject({
      object: 'list',
      data: expect.arrayContaining([expect.objectContaining({ id: 'gpt-4o-mini', object: 'model' })]) as unknown,
    });
  });
});

describe('a required credential', () => {
  it("is asked for in OpenAI's shape and never echoed", async () => {
    const strict = await startProviderSimulator({ requiredCredential: 'provider-credential-of-the-spec' });
    const wrong = await callChat(strict, {}, { headers: { authorization: 'Bearer some-other-credential' } });
    const right = await callChat(strict, {}, { headers: { authorization: 'Bearer provider-credential-of-the-spec' } });
    const text = await wrong.text();
    expect([wrong.status, right.status]).toEqual([401, 200]);
    expect(JSON.parse(text)).toMatchObject({ error: { type: 'invalid_request_error', code: 'invalid_api_key' } });
    expect(text).not.toContain('some-other');
    await strict.stop();
  });
});

describe('tools', () => {
  const tools = [
    {
      type: 'function',
      function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
    },
    { type: 'function', function: { name: 'now' } },
    { type: 'custom', custom: { name: 'apply_patch' } },
  ];
  const messages = [{ role: 'user', content: 'Please call weather, call now and call apply_patch.' }];

  it('are called as the prompt asks, plain and streamed', async () => {
    const plain = (await (await callChat(simulator, { tools, messages })).json()) as {
      choices: { message: { tool_calls: object[] } }[];
    };
    expect(plain).toMatchObject({ choices: [{ finish_reason: 'tool_calls', message: { content: null } }] });
    expect(plain.choices[0]?.message.tool_calls).toMatchObject([
      { type: 'function', function: { name: 'weather', arguments: '{"city":"word0"}' } },
      { type: 'function', function: { name: 'now', arguments: '{}' } },
      { type: 'custom', custom: { name: 'apply_patch', input: 'word0 word1 word2 word3' } },
    ]);
    const events = await readEvents(await callChat(simulator, { tools, messages, stream: true }));
    const deltas = events.flatMap((event) =>
      event === '[DONE]' ? [] : ((event.choices[0]?.delta as { tool_calls?: { index: number }[] }).tool_calls ?? []),
    );
    expect(deltas.map(({ index }) => index)).toEqual([0, 0, 0, 0, 1, 1, 2, 2, 2, 2]);
  });

  it.each([
    ['none', 'stop'],
    ['required', 'tool_calls'],
    [{ type: 'function', function: { name: 'now' } }, 'tool_calls'],
  ])('are called under tool_choice %j: %s', async (tool_choice, finish_reason) => {
    const answer = await (await callChat(simulator, { tools, tool_choice })).json();
    expect(answer).toMatchObject({ choices: [{ finish_reason }] });
  });

  it('whose results do not follow their calls at once are 400', async () => {
    const called = { role: 'assistant', tool_calls: [{ id: 'a' }, { id: 'b' }] };
    const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'sunny' });
    const status = async (...turns: object[]) => (await callChat(simulator, { messages: turns })).status;
    expect(await status(called, result('b'), result('a'))).toBe(200);
    expect(await status(called, result('a'))).toBe(400);
    expect(await status(called, result('a'), { role: 'user', content: 'So?' }, result('b'))).toBe(400);
    expect(await status(result('a'))).toBe(400);
    const image = { role: 'tool', tool_call_id: 'a', content: [{ type: 'image_url' }] };
    expect(await status({ role: 'assistant', tool_calls: [{ id: 'a' }] }, image)).toBe(400);
  });
});

describe('a model of Google', () => {
  const tools = ['weather', 'now'].map((name) => ({ type: 'function', function: { name, parameters: {} } }));
  const user = { role: 'user', content: 'call 2 tools' };
  interface Call {
    readonly id: string;
    readonly index?: number;
    readonly extra_content?: object;
  }
  const ask = (messages: readonly object[]): Promise<Response> =>
    callChat(simulator, { model: 'gemini-3-pro', messages, tools, tool_choice: messages.length > 1 ? 'none' : 'auto' });
  const results = (calls: readonly Call[]): readonly object[] =>
    calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'fine' }));

  it('signs the first of its calls, and wants it back so', async () => {
    const reply = (await (await ask([user])).json()) as { choices: [{ message: { tool_calls: Call[] } }] };
    const { message } = reply.choices[0];
    const calls = message.tool_calls;
    expect(calls.map((call) => 'extra_content' in call)).toEqual([true, false]);
    expect((await ask([user, message, ...results(calls)])).status).toBe(200);
    const without = calls.map(({ extra_content: _, ...call }) => call);
    const bare = await ask([user, { ...message, tool_calls: without }, ...results(calls)]);
    expect([bare.status, await bare.text()]).toEqual([400, expect.stringContaining('missing a thought_signature')]);
    const another = { extra_content: { google: { thought_signature: 'YQ==.b' } } };
    const forged = [{ ...calls[0], ...another }, ...calls.slice(1)];
    expect((await ask([user, { ...message, tool_calls: forged }, ...results(calls)])).status).toBe(400);
    // What was said before the user's last turn is not held to it.
    const before = [user, { ...message, tool_calls: without }, ...results(calls)];
    expect((await ask([...before, { role: 'assistant', content: 'done' }, user])).status).toBe(200);
  });
});
