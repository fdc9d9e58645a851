import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import type { Ask, UpstreamCall } from '../ask.js';
import { openAiResponsesCompact } from '../openai-responses-compact/openai-responses-compact.js';
import { openAiResponses } from './openai-responses.js';
import { ResponseEvents } from './stream-events.js';

const word = fc.constantFrom(
  'type',
  'role',
  'id',
  'content',
  'output',
  'encrypted_content',
  'file_id',
  'container',
  'tools',
  'image_url',
  'reasoning',
  'message',
  'item_reference',
  'input_image',
  'function',
  'web_search',
);
const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, fc.constant(null), fc.boolean(), fc.nat(), word, tie('list'), tie('object')),
  list: fc.array(tie('any'), { maxLength: 4 }),
  object: fc.dictionary(word, tie('any'), { maxKeys: 5 }),
})).any;

describe('whatever a Responses request contains', () => {
  it('is refused or read, and reaches a provider as the same JSON', () => {
    fc.assert(
      fc.property(value, value, value, (input, tools, instructions) => {
        const body = { model: 'm', input, tools, instructions };
        for (const dialect of [openAiResponses, openAiResponsesCompact]) {
          const asked = dialect.read(Buffer.from(JSON.stringify(body))) as Ask;
          if (isRefusal(asked)) continue;
          const limits = asked.limits();
          expect(isRefusal(limits) || limits.contentTokensMax > 0).toBe(true);
          expect(asked.inputTokensEstimate).toBeGreaterThan(0);
          const call = { holdNanoUsd: 1n, injectedMaxTokens: 9, ceilingLeftOut: false } as UpstreamCall;
          const sent = JSON.parse(
            asked.bodyFor({ model: 'gpt', price: { maxOutputTokens: 16_384 } } as Target, call).toString(),
          ) as object;
          const ceiling = dialect === openAiResponses ? { max_output_tokens: 9 } : {};
          expect(sent).toEqual({ ...body, model: 'gpt', ...ceiling });
        }
      }),
    );
  });
  it('never lets a reference to what a provider keeps pass, at any place among the items', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), fc.nat(4), (items, at) => {
        const input: unknown[] = [...items];
        input.splice(at, 0, { type: 'item_reference', id: 'rs_1' });
        const asked = openAiResponses.read(Buffer.from(JSON.stringify({ model: 'm', input })));
        expect(isRefusal(asked)).toBe(true);
      }),
    );
  });
});

describe('whatever a stream of Responses contains', () => {
  const event = fc.record(
    {
      type: fc.constantFrom(
        'response.created',
        'response.output_item.added',
        'response.output_item.done',
        'response.output_text.delta',
        'response.completed',
        'response.failed',
        'error',
        'ping',
      ),
      sequence_number: fc.oneof(fc.nat(), value),
      response: value,
      item: value,
      delta: fc.oneof(fc.string(), value),
      output_index: value,
      error: value,
    },
    { requiredKeys: ['type'] },
  );
  it('is read the same in any pieces, and ends with one failure where it breaks off', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), fc.nat(2_000), (events, cut) => {
        const text = Buffer.from(events.map((each) => `data: ${JSON.stringify(each)}\n\n`).join(''));
        const whole = new ResponseEvents();
        const first = whole.take(text);
        const pieces = new ResponseEvents();
        const [a, b] = [pieces.take(text.subarray(0, cut)), pieces.take(text.subarray(cut))];
        expect(a.events + a.tail + b.events + b.tail).toBe(first.events + first.tail);
        expect([pieces.opened, pieces.finished, pieces.error]).toEqual([whole.opened, whole.finished, whole.error]);
        expect(pieces.countedTokens()).toBe(whole.countedTokens());
        const failed = /^event: response\.failed\ndata: (.*)\n\n$/.exec(whole.errorEvent('provider_failed'))?.[1] ?? '';
        expect(JSON.parse(failed)).toMatchObject({
          type: 'response.failed',
          response: { status: 'failed', error: { code: 'provider_failed' } },
        });
      }),
    );
  });
});
