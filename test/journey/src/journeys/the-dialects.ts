import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { usd } from '../kit/prices.js';
import { costOfEntry, providerEntries, providerEntry, totalsOf, usageOf } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { eventsOf } from '../kit/sse.js';

type Json = Record<string, unknown>;
/** Models of the test configuration, by the dialect that their provider speaks. */
const MODELS = {
  chat: { model: 'any-model', path: '/v1/chat/completions' },
  messages: { model: 'claude-model', path: '/v1/messages' },
  responses: { model: 'gpt-5-codex', path: '/v1/responses' },
} as const;

type Cost = { readonly cost?: number } | null;

/** How callers of a dialect ask, and what they read. */
interface CallerDialect {
  readonly path: string;
  body(model: string, fields?: Json): Json;
  textOf(reply: Json): string;
  /** The text that an event of a stream adds. */
  deltaOf(event: Json): string;
  /** How the last event of a whole stream looks. */
  readonly end: RegExp;
  readonly code: (reply: Json) => unknown;
}

const textsIn = (parts: unknown): string =>
  (Array.isArray(parts) ? (parts as Json[]) : []).map(({ text }) => (typeof text === 'string' ? text : '')).join('');
const CALLERS: Readonly<Record<string, CallerDialect>> = {
  chat: {
    path: '/chat/completions',
    body: (model, fields) => ({ model, max_tokens: 50, messages: [{ role: 'user', content: 'Hello' }], ...fields }),
    textOf: ({ choices }) => (choices as { message: { content: string } }[])[0]!.message.content,
    deltaOf: ({ choices }) => (choices as { delta?: { content?: string } }[] | undefined)?.[0]?.delta?.content ?? '',
    end: /data: \[DONE\]\n\n$/,
    code: ({ error }) => (error as Json)['code'],
  },
  messages: {
    path: '/messages',
    body: (model, fields) => ({ model, max_tokens: 50, messages: [{ role: 'user', content: 'Hello' }], ...fields }),
    textOf: ({ content }) => textsIn(content),
    deltaOf: ({ delta }) => String((delta as Json | undefined)?.['text'] ?? ''),
    end: /event: message_stop\ndata: [^\n]*\n\n$/,
    code: ({ error }) => (error as Json)['type'],
  },
  responses: {
    path: '/responses',
    body: (model, fields) => ({ model, max_output_tokens: 50, input: 'Hello', ...fields }),
    textOf: ({ output }) =>
      (output as Json[]).map(({ type, content }) => (type === 'message' ? textsIn(content) : '')).join(''),
    deltaOf: ({ type, delta }) => (type === 'response.output_text.delta' ? String(delta) : ''),
    end: /event: response.(?:completed|incomplete)\ndata: [^\n]*\n\n$/,
    code: ({ error }) => (error as Json)['code'],
  },
  inference: {
    path: '/inference',
    body: (model, fields) => ({ model, max_output_tokens: 50, prompt: 'Hello', ...fields }),
    textOf: ({ output }) => String(output),
    deltaOf: ({ type, text }) => (type === 'inference.output' ? String(text) : ''),
    end: /event: inference.completed\ndata: [^\n]*\n\n$/,
    code: ({ error }) => (error as Json)['code'],
  },
};
const PAIRS = Object.keys(CALLERS).flatMap((caller) =>
  (Object.keys(MODELS) as (keyof typeof MODELS)[]).map((provider) => [caller, provider] as const),
);

/** Callers of each dialect, and models of providers that speak another one. */
export function theDialects(shape: () => Shape): void {
  const ask = (secret: string, caller: string, body: Json, base = '/v1'): Promise<Reply> =>
    shape()
      .client()
      .call({
        method: 'POST',
        path: base + CALLERS[caller]!.path,
        headers: { authorization: `Bearer ${secret}`, 'anthropic-version': '2023-06-01' },
        body: JSON.stringify(body),
      });

  describe('a caller of one dialect and a provider of another', () => {
    it.each(PAIRS)('%s reaches a model behind %s, plain and streamed, and is charged alike', async (name, provider) => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const caller = CALLERS[name]!;
      const { model, path } = MODELS[provider];
      const plain = await ask(key.secret, name, caller.body(model));
      expect(plain.status, plain.text).toBe(200);
      const streamed = await ask(key.secret, name, caller.body(model, { stream: true }));
      expect(streamed.status, streamed.text).toBe(200);
      const entries = [plain, streamed].map(({ requestId }) => providerEntry(shape(), requestId));
      for (const entry of entries) expect(entry).toMatchObject({ path, model, outcome: 'answered' });
      const text = caller.textOf(plain.json());
      expect(text).toMatch(/^word0 word1 /);
      expect(
        eventsOf(streamed.text)
          .map(({ json }) => (json === undefined ? '' : caller.deltaOf(json as Json)))
          .join(''),
      ).toBe(text);
      expect(streamed.text).toMatch(caller.end);
      expect(await usageOf(shape(), key.id, 2)).toEqual(totalsOf(entries));
      const paid = entries.reduce((sum, entry) => sum + costOfEntry(entry), 0n);
      expect((await shape().client().getKey(key.id)).credit_used_usd).toBe(usd(paid));
      expect(plain.header('x-tollgate-cost-usd')).toBe(usd(costOfEntry(entries[0]!)));
    });

    it.each(PAIRS)('%s behind /api/v1 is told what a call of %s costs, asked for or not', async (name, provider) => {
      const { secret } = await shape().client().createKey();
      const caller = CALLERS[name]!;
      const plain = await ask(secret, name, caller.body(MODELS[provider].model), '/api/v1');
      const streamed = await ask(secret, name, caller.body(MODELS[provider].model, { stream: true }), '/api/v1');
      const [first, second] = [plain, streamed].map(({ requestId }) =>
        Number(usd(costOfEntry(providerEntry(shape(), requestId)))),
      );
      expect(plain.json<{ usage: { cost: number } }>().usage.cost).toBe(first);
      const costs = eventsOf(streamed.text).flatMap(({ json }) => {
        const event = (json ?? {}) as { usage?: Cost; response?: { usage?: Cost } };
        const usage = event.usage ?? event.response?.usage;
        return usage?.cost === undefined ? [] : [usage.cost];
      });
      expect(costs).toEqual([second]);
    });

    it.each(PAIRS)('%s is refused before %s is called where the credit is spent', async (name, provider) => {
      const { secret } = await shape().client().createKey({ credit_limit_usd: '0.000001' });
      const reply = await ask(secret, name, CALLERS[name]!.body(MODELS[provider].model));
      expect(reply.status, reply.text).toBe(402);
      expect(CALLERS[name]!.code(reply.json())).toBe(name === 'messages' ? 'billing_error' : 'quota_exceeded');
      expect(providerEntries(shape(), reply.requestId)).toEqual([]);
    });

    it('tools are called, and their results answered, in either direction', async () => {
      const { secret } = await shape().client().createKey();
      const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
      const user = { role: 'user', content: 'call weather' };
      const chatTools = [{ type: 'function', function: { name: 'weather', parameters: schema } }];
      const first = await ask(secret, 'chat', {
        model: MODELS.messages.model,
        max_tokens: 100,
        messages: [user],
        tools: chatTools,
      });
      const { message, finish_reason } = first.json<{
        choices: { message: { tool_calls: { id: string; function: { name: string } }[] }; finish_reason: string }[];
      }>().choices[0]!;
      expect([finish_reason, message.tool_calls.map((each) => each.function.name)]).toEqual([
        'tool_calls',
        ['weather'],
      ]);
      const answered = await ask(secret, 'chat', {
        model: MODELS.messages.model,
        max_tokens: 100,
        messages: [user, message, { role: 'tool', tool_call_id: message.tool_calls[0]!.id, content: 'rain' }],
        tools: chatTools,
      });
      expect(answered.status, answered.text).toBe(200);

      const tools = [{ name: 'weather', input_schema: schema }];
      const asked = await ask(secret, 'messages', {
        model: MODELS.chat.model,
        max_tokens: 100,
        messages: [user],
        tools,
      });
      const reply = asked.json<{ content: { type: string; id?: string; name?: string }[]; stop_reason: string }>();
      const use = reply.content.find(({ type }) => type === 'tool_use');
      expect([reply.stop_reason, use?.name]).toEqual(['tool_use', 'weather']);
      const results = [{ type: 'tool_result', tool_use_id: use!.id, content: 'rain' }];
      const last = await ask(secret, 'messages', {
        model: MODELS.chat.model,
        max_tokens: 100,
        messages: [user, { role: 'assistant', content: reply.content }, { role: 'user', content: results }],
        tools,
      });
      expect(last.status, last.text).toBe(200);
    });

    it.each([
      ['messages', MODELS.chat.model, { top_k: 3 }, 'top_k'],
      ['chat', MODELS.messages.model, { logit_bias: { 1: 2 } }, 'logit_bias'],
      ['chat', MODELS.messages.model, { n: 2 }, 'n'],
      ['inference', MODELS.messages.model, { tools: [] }, 'tools'],
    ])('%s is refused by name what a provider of the other cannot be told', async (name, model, fields, param) => {
      for (const limits of [{}, { credit_limit_usd: 1 }]) {
        const { secret } = await shape().client().createKey(limits);
        const reply = await ask(secret, name, CALLERS[name]!.body(model, fields));
        expect(reply.status, reply.text).toBe(400);
        expect(reply.text).toContain(param);
        expect(providerEntries(shape(), reply.requestId)).toEqual([]);
      }
    });

    it.each(PAIRS)(
      '%s is told in its own way that a stream of %s broke off, and pays what came',
      async (name, provider) => {
        const key = await shape().client().createKey({ credit_limit_usd: 1 });
        for (const fail of ['reset_mid_stream', 'error_mid_stream']) {
          const model = `${MODELS[provider].model}?fail=${fail}&fail_after_chunks=2`;
          const reply = await ask(key.secret, name, CALLERS[name]!.body(model, { stream: true }));
          expect(reply.status).toBe(200);
          expect(reply.text).toMatch(/"error"/);
          expect(reply.text).not.toMatch(CALLERS[name]!.end);
        }
        const { output_tokens: tokens } = await usageOf(shape(), key.id, 2);
        expect(tokens).toBeGreaterThan(0);
      },
    );

    it.each(PAIRS)('%s is told that %s failed before its first byte, and pays nothing', async (name, provider) => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      for (const [behaviour, status] of [
        ['fail_status=500', 502],
        ['fail_status=429', 429],
        ['fail=html', 502],
      ] as const) {
        const model = `${MODELS[provider].model}?${behaviour}`;
        expect((await ask(key.secret, name, CALLERS[name]!.body(model))).status, behaviour).toBe(status);
      }
      expect(await usageOf(shape(), key.id, 3)).toMatchObject({ cost_usd: '0' });
    });
  });
}
