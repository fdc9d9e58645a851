import { AuthenticationError } from 'openai';
import { describe, expect, it } from 'vitest';
import { contentOf, eventsOf } from '../kit/sse.js';
import type { Shape } from '../kit/shape.js';
import { chatPath } from '../kit/tollgate-client.js';

const wholeContent = Array.from({ length: 16 }, (_, i) => `word${i}`).join(' ');
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const messages = [{ role: 'user' as const, content: 'Hello' }];

/** A call as the caller sees it: plain and streamed, at both addresses, by SDK and by hand. */
export function theCall(shape: () => Shape): void {
  describe('the call', () => {
    it.each(['/v1', '/api/v1'] as const)('is answered to the official SDK at %s', async (basePath) => {
      const { secret } = await shape().client().createKey();
      const completion = await shape()
        .client()
        .openai(secret, basePath)
        .chat.completions.create({ model: 'support-bot', messages });
      expect(completion.choices[0]?.message.content).toBe(wholeContent);
      expect(completion.usage).toMatchObject({ completion_tokens: 16 });
    });

    it.each(['/v1', '/api/v1'] as const)('is streamed to the official SDK at %s', async (basePath) => {
      const { secret } = await shape().client().createKey();
      const stream = await shape()
        .client()
        .openai(secret, basePath)
        .chat.completions.create({ model: 'support-bot', messages, stream: true });
      const chunks = [];
      for await (const chunk of stream) chunks.push(chunk);
      expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(wholeContent);
      // Clients of OpenRouter are told usage and cost whether or not they ask.
      const told = basePath === '/v1' ? [] : chunks.splice(-1);
      expect(told.map(({ usage }) => usage)).toEqual(
        basePath === '/v1' ? [] : [expect.objectContaining({ completion_tokens: 16, cost: expect.any(Number) })],
      );
      expect(chunks.every((chunk) => chunk.choices.length === 1)).toBe(true);
      expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    });

    it('ends a stream with its usage where the SDK asks for it', async () => {
      const { secret } = await shape().client().createKey();
      const stream = await shape()
        .client()
        .openai(secret)
        .chat.completions.create({
          model: 'support-bot',
          messages,
          stream: true,
          stream_options: { include_usage: true },
        });
      const chunks = [];
      for await (const chunk of stream) chunks.push(chunk);
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 16 } });
      expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    });

    it('gives the SDK an error that it knows', async () => {
      const error: unknown = await shape()
        .client()
        .openai('sk-no-such-key')
        .chat.completions.create({ model: 'support-bot', messages })
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' });
    });

    it('carries a request id of ours, whatever the caller calls it', async () => {
      const { secret } = await shape().client().createKey();
      const reply = await shape().client().chat(secret, {}, { 'x-request-id': 'mine' });
      expect(reply.status).toBe(200);
      expect(reply.requestId).toMatch(uuid);
      expect(reply.header('request-id')).toBe(reply.requestId);
    });

    it('is let in by x-api-key alone', async () => {
      const { secret } = await shape().client().createKey();
      const reply = await shape()
        .client()
        .call({
          method: 'POST',
          path: chatPath,
          headers: { 'x-api-key': secret },
          body: { model: 'support-bot', messages },
        });
      expect(reply.status).toBe(200);
    });

    it('goes by Authorization where x-api-key says otherwise', async () => {
      const [good, other] = [await shape().client().createKey(), await shape().client().createKey()];
      await shape().client().deleteKey(other.id);
      expect((await shape().client().chat(good.secret, {}, { 'x-api-key': other.secret })).status).toBe(200);
      expect((await shape().client().chat(other.secret, {}, { 'x-api-key': good.secret })).status).toBe(401);
    });

    it('is streamed in the very bytes of the provider where the caller asks for usage', async () => {
      const { secret } = await shape().client().createKey();
      const fields = { stream: true, stream_options: { include_usage: true }, max_tokens: 12 };
      const reply = await shape().client().chat(secret, fields);
      expect(reply.header('content-type')).toContain('text/event-stream');
      expect(anonymous(reply.text)).toBe(anonymous(await askProvider(shape(), fields)));
      expect(eventsOf(reply.text).at(-1)?.data).toBe('[DONE]');
    });

    it('is streamed in the order of the provider, without the usage the caller did not ask for', async () => {
      const { secret } = await shape().client().createKey();
      const reply = await shape().client().chat(secret, { stream: true });
      const events = eventsOf(reply.text);
      expect(contentOf(events)).toBe(wholeContent);
      expect(events.some(({ json }) => json?.usage)).toBe(false);
      expect(events.some(({ json }) => json?.choices?.length === 0)).toBe(false);
      expect(events.at(-2)?.json?.choices?.[0]?.finish_reason).toBe('stop');
      expect(events.at(-1)?.data).toBe('[DONE]');
    });

    it('reaches the caller chunk by chunk, not when it is over', async () => {
      const { secret } = await shape().client().createKey();
      const stream = await shape()
        .client()
        .openChat(secret, { simulator: { chunks: 20, chunk_interval_ms: 250 } });
      await stream.until((text) => text.includes('word0'));
      expect(stream.text).not.toContain('word39');
      expect(contentOf(eventsOf((await stream.ended).text))).toContain('word39');
    });

    it('is answered in the model that a wildcard stands for', async () => {
      const { secret } = await shape().client().createKey();
      const reply = await shape().client().chat(secret, { model: 'lab-7' });
      expect(reply.json()).toMatchObject({ model: 'gpt-4o-mini' });
    });
  });
}

/** The same call, past Tollgate. */
async function askProvider(shape: Shape, fields: object): Promise<string> {
  const reply = await fetch(`${shape.simulator.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${shape.providerCredential}` },
    // Prompt tokens follow from the bytes of the body: these are the ones that Tollgate sends.
    body: JSON.stringify({ model: 'gpt-4o-mini', messages, ...fields }),
  });
  return reply.text();
}

/** Without what differs from call to call. */
function anonymous(stream: string): string {
  return stream.replace(/chatcmpl-simulator\d+/g, 'ID').replace(/"created":\d+/g, '"created":0');
}
