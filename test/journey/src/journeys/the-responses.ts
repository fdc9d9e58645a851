import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { usd } from '../kit/prices.js';
import {
  bodySentUpstream,
  costOfEntry,
  providerEntries,
  providerEntry,
  totalsOf,
  usageOf,
} from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { eventsOf } from '../kit/sse.js';
import type { TollgateClient } from '../kit/tollgate-client.js';

type Json = Record<string, unknown>;
const model = 'responder';
const paths = ['/v1/responses', '/api/v1/responses'] as const;
/** What the provider calls its responses. */
const RAW = /resp_simulator\d+/;

/** Conversations that the provider keeps, and their ids, which belong to the organisation that they were given to. */
export function theResponses(shape: () => Shape): void {
  const post = (client: TollgateClient, secret: string, path: string, body: Json): Promise<Reply> =>
    client.call({ method: 'POST', path, headers: { authorization: `Bearer ${secret}` }, body: JSON.stringify(body) });
  const ask = (secret: string, fields: Json, path: string = paths[0]): Promise<Reply> =>
    post(shape().client(), secret, path, { model, input: 'Hello', ...fields });
  const idOf = (reply: Reply): string => reply.json<{ id: string }>().id;

  describe('responses', () => {
    it.each(['/v1', '/api/v1'] as const)('are answered to the official SDK at %s, plain and streamed', async (base) => {
      const { secret } = await shape().client().createKey();
      const openai = shape().client().openai(secret, base);
      const first = await openai.responses.create({ model, input: 'Hello' });
      expect(first.output_text).toMatch(/^word0 word1/);
      const texts: string[] = [];
      const stream = await openai.responses.create({
        model,
        input: 'Again',
        previous_response_id: first.id,
        stream: true,
      });
      const ids = new Set<string>();
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') texts.push(event.delta);
        if ('response' in event) ids.add(event.response.id);
      }
      expect(texts.join('')).toMatch(/^word0 word1/);
      expect([...ids]).toEqual([expect.stringMatching(/^resp_[A-Za-z0-9_-]{40,120}$/)]);
    });

    it('go on over several turns for the organisation that began, on both paths, with ids that are its own', async () => {
      const { secret } = await shape().client().createKey();
      const turns: Reply[] = [];
      let previous: string | undefined;
      for (const [turn, stream] of [false, true, false, true].entries()) {
        const reply = await ask(
          secret,
          {
            input: `turn ${turn}`,
            ...(stream && { stream }),
            ...(previous !== undefined && { previous_response_id: previous }),
          },
          paths[turn % 2],
        );
        expect(reply.status, reply.text).toBe(200);
        expect(reply.text).not.toMatch(RAW);
        const sent = JSON.parse(await bodySentUpstream(shape(), reply.requestId)) as Json;
        expect(sent['previous_response_id'] ?? null).toEqual(
          previous === undefined ? null : expect.stringMatching(RAW),
        );
        const ids = stream
          ? eventsOf(reply.text).flatMap(
              ({ json }) => ((json as Json)['response'] as { id: string } | undefined)?.id ?? [],
            )
          : [idOf(reply)];
        expect(new Set(ids).size).toBe(1);
        previous = ids[0]!;
        turns.push(reply);
      }
      const [first, ...later] = turns.map(({ requestId }) => providerEntry(shape(), requestId).usage!.prompt_tokens);
      // The provider reads the whole conversation each time.
      expect(later.every((tokens) => tokens > first!)).toBe(true);
    });

    it('are found for no other organisation, and under no other spelling, with one and the same answer', async () => {
      const other = await shape().client().newOrganization('the reader of others');
      const [ours, theirs] = [await shape().client().createKey(), await other.createKey()];
      const id = idOf(await ask(ours.secret, {}));
      const raw = JSON.parse(
        await bodySentUpstream(shape(), (await ask(ours.secret, { previous_response_id: id })).requestId),
      ) as Json;
      const strange = [
        id.toUpperCase(),
        id.slice(0, -1),
        `${id}A`,
        encodeURIComponent(`${id}/`),
        [id],
        { id },
        raw['previous_response_id'],
        'resp_unknown',
        '',
        7,
      ];
      const refused = await Promise.all([
        ...strange.map((previous) => ask(ours.secret, { previous_response_id: previous })),
        ask(theirs.secret, { previous_response_id: id }),
        ask(theirs.secret, { previous_response_id: id, stream: true }),
        ask(ours.secret, { previous_response_id: id, model: 'responder-nano' }),
        ask(theirs.secret, { previous_response_id: id }, '/v1/responses/compact'),
      ]);
      const [first] = refused;
      expect(first!.json()).toMatchObject({
        error: { code: 'previous_response_not_found', param: 'previous_response_id' },
      });
      for (const { status, text, requestId } of refused) {
        expect([status, text]).toEqual([400, first!.text]);
        expect(providerEntries(shape(), requestId)).toEqual([]);
      }
      // The same below /api/v1, in the shape of that path.
      const [foreign, unknown] = await Promise.all([
        ask(theirs.secret, { previous_response_id: id }, paths[1]),
        ask(ours.secret, { previous_response_id: 'resp_unknown' }, paths[1]),
      ]);
      expect([foreign.status, foreign.code, foreign.text]).toEqual([400, 'previous_response_not_found', unknown.text]);
      expect((await ask(ours.secret, { previous_response_id: id })).status).toBe(200);
    });

    it.each<[Json, string]>([
      [{ background: true }, 'background'],
      [{ conversation: 'conv_1' }, 'conversation'],
      [{ prompt: { id: 'pmpt_1' } }, 'prompt.id'],
      [{ input: [{ type: 'item_reference', id: 'rs_1' }] }, 'input[0].id'],
      [
        { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }] },
        'input[0].content[0].file_id',
      ],
      [{ tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] }, 'tools[0].vector_store_ids'],
      [{ tools: [{ type: 'code_interpreter', container: 'cntr_1' }] }, 'tools[0].container'],
    ])('are refused for every key, before a provider is asked, for %j', async (fields, param) => {
      for (const limits of [{}, { credit_limit_usd: 1 }]) {
        const { secret } = await shape().client().createKey(limits);
        const reply = await ask(secret, fields);
        expect(reply.status, reply.text).toBe(400);
        expect(reply.json()).toMatchObject({ error: { type: 'invalid_request_error', param } });
        expect(providerEntries(shape(), reply.requestId)).toEqual([]);
      }
    });

    it('cost what the provider reports, with the conversation that it keeps, and so does a compaction', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 5 });
      const first = await ask(key.secret, {});
      const replies = [
        first,
        await ask(key.secret, { previous_response_id: idOf(first), stream: true }),
        await ask(key.secret, { input: [{ role: 'user', content: 'Hello' }] }, '/v1/responses/compact'),
      ];
      for (const reply of replies) {
        expect(reply.status, reply.text).toBe(200);
        expect(reply.text).not.toMatch(RAW);
      }
      const entries = replies.map(({ requestId }) => providerEntry(shape(), requestId));
      expect(entries.map(({ path }) => path)).toEqual(['/v1/responses', '/v1/responses', '/v1/responses/compact']);
      expect(await usageOf(shape(), key.id, replies.length)).toEqual(totalsOf(entries));
      const paid = entries.reduce((sum, entry) => sum + costOfEntry(entry), 0n);
      expect((await shape().client().getKey(key.id)).credit_used_usd).toBe(usd(paid));
      expect(JSON.parse(await bodySentUpstream(shape(), first.requestId))).toMatchObject({
        max_output_tokens: expect.any(Number) as number,
      });
    });

    it('hold the context of the model for a conversation that the provider keeps', async () => {
      const rich = await shape().client().createKey();
      const id = idOf(await ask(rich.secret, {}));
      const poor = await shape().client().createKey({ credit_limit_usd: '0.001' });
      expect((await ask(poor.secret, { max_output_tokens: 16 })).status).toBe(200);
      const reply = await ask(poor.secret, { max_output_tokens: 16, previous_response_id: id });
      expect(reply.status, reply.text).toBe(402);
      expect(providerEntries(shape(), reply.requestId)).toEqual([]);
    });
  });

  describe('completions', () => {
    it('are answered and charged for each prompt and each answer', async () => {
      const key = await shape().client().createKey({ credit_limit_usd: 1 });
      const openai = shape().client().openai(key.secret, '/v1');
      const plain = await openai.completions.create({ model, prompt: ['one', 'two'], n: 2, max_tokens: 20 });
      expect(plain.choices).toHaveLength(4);
      const pieces: string[] = [];
      const stream = await openai.completions.create({ model, prompt: 'one', max_tokens: 20, stream: true });
      for await (const { choices } of stream) for (const { text } of choices) pieces.push(text);
      expect(pieces.join('')).not.toBe('');
      const totals = await usageOf(shape(), key.id, 2);
      expect((await shape().client().getKey(key.id)).credit_used_usd).toBe(totals.cost_usd);
    });
  });
}
