import { describe, expect, it } from 'vitest';
import { bodySentUpstream, providerEntry } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { chatPath } from '../kit/tollgate-client.js';

/** What the provider receives of a call. */
export function upstream(shape: () => Shape): void {
  describe('the provider', () => {
    const send = (secret: string, body: string, headers: Record<string, string> = {}) =>
      shape()
        .client()
        .call({ method: 'POST', path: chatPath, headers: { authorization: `Bearer ${secret}`, ...headers }, body });

    it('receives the bytes of the caller but for the model', async () => {
      const { secret } = await shape().client().createKey();
      const body =
        '{ "messages":\n[ {"role":"user","content":"caf\\u00e9 \\ud83d\\ude00 über \\/ \\"model\\": \\"support-bot\\""} ],\t"temperature" : 1.0e0,\r\n "model"  :  "support-bot" , "max_tokens": 9, "stream":false, "metadata":{"model":"kept","stream":"kept"} }';
      const reply = await send(secret, body);
      expect(reply.status).toBe(200);
      expect(await bodySentUpstream(shape(), reply.requestId)).toBe(
        body.replace('"model"  :  "support-bot"', '"model"  :  "gpt-4o-mini"'),
      );
      expect(providerEntry(shape(), reply.requestId)).toMatchObject({
        model: 'gpt-4o-mini',
        path: '/v1/chat/completions',
        method: 'POST',
      });
    });

    it('is always asked for the usage of a stream, and all else stays', async () => {
      const { secret } = await shape().client().createKey();
      const body =
        '{"model":"support-bot","stream":true,"messages":[{"role":"user","content":"x"}],"max_tokens":5,"seed":1.50}';
      const sent = await bodySentUpstream(shape(), (await send(secret, body)).requestId);
      expect(JSON.parse(sent)).toEqual({
        ...JSON.parse(body),
        model: 'gpt-4o-mini',
        stream_options: { include_usage: true },
      });
      expect(sent).toContain('"messages":[{"role":"user","content":"x"}],"max_tokens":5,"seed":1.50');
    });

    it('is asked for the usage even where the caller asks for none', async () => {
      const { secret } = await shape().client().createKey();
      const body =
        '{"model":"support-bot","stream":true,"messages":[{"role":"user","content":"x"}],"max_tokens":5,"stream_options":{"include_usage":false,"other":[1]}}';
      const reply = await send(secret, body);
      expect(JSON.parse(await bodySentUpstream(shape(), reply.requestId)).stream_options).toMatchObject({
        include_usage: true,
      });
      expect(reply.text).not.toContain('"prompt_tokens"');
    });

    it('is told the ceiling of a call that names none, where the key has a limit', async () => {
      const { secret } = await shape().client().createKey({ credit_limit_usd: 1 });
      const reply = await send(secret, '{"model":"fine-grained","messages":[{"role":"user","content":"x"}]}');
      expect(reply.status).toBe(200);
      const { max_tokens: maxTokens, max_completion_tokens: maxCompletionTokens } = JSON.parse(
        await bodySentUpstream(shape(), reply.requestId),
      );
      expect(maxTokens ?? maxCompletionTokens).toBe(1_000);
    });

    it('receives fields that Tollgate does not know', async () => {
      const { secret } = await shape().client().createKey();
      const reply = await shape()
        .client()
        .chat(secret, { simulator: { completion_tokens: 3 }, from_the_future: { a: [1, null] } });
      expect(JSON.parse(await bodySentUpstream(shape(), reply.requestId))).toMatchObject({
        from_the_future: { a: [1, null] },
      });
      expect(reply.json()).toMatchObject({ usage: { completion_tokens: 3 } });
    });

    it('receives its own credential and nothing of who the caller is', async () => {
      const { secret } = await shape().client().createKey();
      const identity = {
        'x-api-key': secret,
        cookie: `session=${secret}`,
        'x-forwarded-for': '198.51.100.7',
        forwarded: 'for=198.51.100.7',
        'proxy-authorization': `Bearer ${secret}`,
      };
      const reply = await shape().client().chat(secret, {}, identity);
      const { headers } = providerEntry(shape(), reply.requestId);
      expect(headers['authorization']).toBe(`[present] …${shape().providerCredential.slice(-4)}`);
      for (const name of Object.keys(identity)) expect(headers, name).not.toHaveProperty(name);
      expect(JSON.stringify(headers)).not.toContain(secret.slice(6, -4));
    });

    it('receives the request id that the caller is given', async () => {
      const { secret } = await shape().client().createKey();
      for (const stream of [false, true]) {
        const reply = await shape().client().chat(secret, { stream }, { 'x-request-id': 'mine' });
        expect(providerEntry(shape(), reply.requestId).headers['x-request-id']).toBe(reply.requestId);
      }
    });
  });
}
