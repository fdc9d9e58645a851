import type { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { providerEntries, usageOf } from '../kit/provider-log.js';
import { costNanoUsd, usd } from '../kit/prices.js';
import type { Shape } from '../kit/shape.js';
import { chatPath, endless, type CreatedKey } from '../kit/tollgate-client.js';

const messages = '"messages":[{"role":"user","content":"zQ7canary"}]';

const wrongBodies: readonly (readonly [string, string, string])[] = [
  ['JSON that is cut off', `{"model":"support-bot",${messages}`, 'invalid_json'],
  ['JSON with a word in it', `{"model":support-bot,${messages}}`, 'invalid_json'],
  ['nothing', '', 'invalid_json'],
  ['a list', `[{"model":"support-bot",${messages}}]`, 'invalid_request'],
  ['no model', `{${messages}}`, 'invalid_request'],
  ['a model that is no text', `{"model":7,${messages}}`, 'invalid_request'],
  ['an empty model', `{"model":"",${messages}}`, 'invalid_request'],
  ['a model with a NUL', `{"model":"any-\\u0000",${messages}}`, 'invalid_request'],
  ['a model with half of a character', `{"model":"any-\\ud83d",${messages}}`, 'invalid_request'],
  ['a model with a line end', `{"model":"any-\\n",${messages}}`, 'invalid_request'],
  ['a model spelt twice', `{"model":"support-bot",${messages},"model":"fine-grained"}`, 'invalid_request'],
  ['a model spelt with an escape', `{"mod\\u0065l":"support-bot",${messages}}`, 'invalid_request'],
  [
    'two models, one spelt with an escape',
    `{"model":"support-bot","\\u006dodel":"fine-grained",${messages}}`,
    'invalid_request',
  ],
  ['a ceiling spelt twice', `{"model":"support-bot","max_tokens":1,"max_tokens":9000,${messages}}`, 'invalid_request'],
  ['a model in capitals', `{"model":"support-bot","MODEL":"fine-grained",${messages}}`, 'invalid_request'],
  ['a ceiling in capitals', `{"model":"support-bot","max_tokens":5,"Max_Tokens":90000,${messages}}`, 'invalid_request'],
  ['choices in a capital', `{"model":"support-bot","max_tokens":5,"N":100,${messages}}`, 'invalid_request'],
  ['messages spelt with a long s', `{"model":"support-bot","meſſages":[],${messages}}`, 'invalid_request'],
  [
    'content given twice',
    '{"model":"support-bot","messages":[{"role":"user","content":[{"type":"image_url"}],"content":"zQ7canary"}]}',
    'invalid_request',
  ],
  ['models to fall back to', `{"model":"support-bot","models":["fine-grained"],${messages}}`, 'invalid_request'],
  ['an address', `{"model":"support-bot","api_base":"http://127.0.0.1:1/",${messages}}`, 'invalid_request'],
  ['a credential', `{"model":"support-bot","api_key":"zQ7canary",${messages}}`, 'invalid_request'],
  [
    'a stream that is an object',
    `{"model":"support-bot","stream":{${'"0":0,'.repeat(500_000)}"0":0},${messages}}`,
    'invalid_request',
  ],
  [
    'a part that is no text',
    '{"model":"support-bot","messages":[{"role":"user","content":[{"type":"audio_url","audio_url":{"url":"zQ7canary"}}]}]}',
    'unbounded_cost',
  ],
  ['a tool of the provider', `{"model":"support-bot","tools":[{"type":"web_search"}],${messages}}`, 'unbounded_cost'],
  ['a field that nobody knows', `{"model":"support-bot","zQ8":1,${messages}}`, 'unbounded_cost'],
  ['a stream that is text', `{"model":"support-bot","stream":"yes",${messages}}`, 'invalid_request'],
  [
    'options of a stream that are text',
    `{"model":"support-bot","stream":true,"stream_options":"usage",${messages}}`,
    'invalid_request',
  ],
  ['a negative ceiling', `{"model":"support-bot","max_tokens":-1,${messages}}`, 'invalid_request'],
  ['a ceiling that is text', `{"model":"support-bot","max_tokens":"many",${messages}}`, 'invalid_request'],
  ['a ceiling beyond every model', `{"model":"support-bot","max_tokens":1e9,${messages}}`, 'invalid_request'],
  ['a ceiling of nothing', `{"model":"support-bot","max_completion_tokens":0,${messages}}`, 'invalid_request'],
  ['no choices', `{"model":"support-bot","n":0,${messages}}`, 'invalid_request'],
  ['part of a choice', `{"model":"support-bot","n":1.5,${messages}}`, 'invalid_request'],
];

/** What callers send by mistake. */
export function badChatInput(shape: () => Shape): void {
  describe('a call that is made wrongly', () => {
    const send = (key: CreatedKey, body: string | Readable, headers: Record<string, string> = {}) =>
      shape()
        .client()
        .call({ method: 'POST', path: chatPath, headers: { authorization: `Bearer ${key.secret}`, ...headers }, body });

    it.each(wrongBodies)('is 400 in the shape of OpenAI and reaches no provider: %s', async (_what, body, code) => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      expectError(await send(key, body), 400, code);
    });

    it('is refused in the same words for a key without limits where it is malformed', async () => {
      const limited = await shape().client().createKey({ credit_limit_usd: 1 });
      const unlimited = await shape().client().createKey();
      for (const [what, body, code] of wrongBodies) {
        if (code === 'unbounded_cost') continue;
        const [one, other] = [await send(limited, body), await send(unlimited, body)];
        expect([what, other.status, other.text]).toEqual([what, one.status, one.text]);
      }
    });

    it('is 413 where the body is too large, and the caller can go on', async () => {
      const key = await shape().client().createKey();
      const body = `{"model":"support-bot","messages":[{"role":"user","content":"${'x'.repeat(40 * 1024 * 1024)}"}]}`;
      expectError(await send(key, body), 413, 'body_too_large');
      expect((await shape().client().chat(key.secret)).status).toBe(200);
    });

    it('is 413 where a body that does not tell its length turns out too large, and the caller can go on', async () => {
      const key = await shape().client().createKey();
      const logged = shape().simulator.log().length;
      expectError(
        await send(key, endless('{"model":"support-bot","messages":[{"role":"user","content":"', 40)),
        413,
        'body_too_large',
      );
      expect(shape().simulator.log()).toHaveLength(logged);
      expect((await shape().client().chat(key.secret)).status).toBe(200);
    });

    it('is refused, or served and on record, whatever the name of its model holds', async () => {
      const piece = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 3 }).map((text) => JSON.stringify(text).slice(1, -1)),
        fc.integer({ min: 0, max: 0xffff }).map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`),
        fc.constantFrom('a', 'org/model:free', '模型', '🙂', ' ', '\\ud83d\\ude00', '\\u0000', '\\udc00'),
      );
      // To the simulator a question mark says how to answer.
      const names = fc
        .sample(fc.array(piece, { maxLength: 4 }), 80)
        .map((pieces) => pieces.join(''))
        .filter((name) => !/\?|\\u003f/.test(name));
      const key = await shape().client().createKey();
      let cost = 0n;
      let served = 0;
      for (const name of ['', '模型🙂', ...names]) {
        const reply = await send(key, `{"model":"any-${name}",${messages},"max_tokens":5}`);
        expect([200, 400, 403], `${name}: ${reply.text}`).toContain(reply.status);
        // A route is open to groups only, and letters that look like those of its name are refused everywhere.
        if (reply.status === 403) expect(reply.code).toBe('route_access_denied');
        if (reply.status !== 200) {
          expect(providerEntries(shape(), reply.requestId)).toEqual([]);
          continue;
        }
        const { usage } = reply.json<{ usage: { prompt_tokens: number; completion_tokens: number } }>();
        cost += costNanoUsd('any-*', usage.prompt_tokens, usage.completion_tokens);
        served += 1;
      }
      expect(served).toBeGreaterThanOrEqual(2);
      expect(await usageOf(shape(), key.id, served)).toMatchObject({ requests: served, cost_usd: usd(cost) });
    });

    it('costs nothing and does not count', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      for (const [, body] of wrongBodies) await send(key, body);
      expect((await shape().client().chat(key.secret)).status).toBe(200);
      expect((await usageOf(shape(), key.id, 1)).requests).toBe(1);
    });

    it.each([
      ['GET', chatPath, 405],
      ['PUT', chatPath, 405],
      ['POST', '/v1/chat', 404],
      ['GET', '/', 404],
      ['GET', '/metrics', 404],
      ['GET', '/readyz', 404],
      ['POST', '/internal/keys/verify', 404],
    ] as const)('at a place that is not there is an error, no crash: %s %s', async (method, path, status) => {
      const key = await shape().client().createKey();
      const reply = await shape()
        .client()
        .call({ method, path, headers: { authorization: `Bearer ${key.secret}` } });
      expect(reply.status).toBe(status);
      expect(reply.text).not.toContain(key.secret.slice(6, -4));
    });

    function expectError(reply: Reply, status: number, code: string): void {
      expect([reply.status, reply.code], reply.text).toEqual([status, code]);
      expect(reply.json()).toEqual({
        error: {
          message: expect.any(String),
          type: 'invalid_request_error',
          param: expect.toSatisfy((param) => param === null || typeof param === 'string'),
          code,
        },
      });
      expect(reply.text).not.toContain('zQ7canary');
      expect(providerEntries(shape(), reply.requestId)).toEqual([]);
    }
  });
}
