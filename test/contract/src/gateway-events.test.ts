import { randomUUID } from 'node:crypto';
import { waitUntil } from '@tollgate/infra';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admissionInMemory, CreditStage, StageTime, type StagedKey } from './credit-stage.js';

let stage: CreditStage;
beforeAll(async () => {
  const time = new StageTime(Date.now());
  const admission = admissionInMemory(time);
  stage = await CreditStage.open({ time, admission, organizationId: randomUUID(), gatewaysAheadMs: [0] });
});
afterAll(() => stage?.close());

/** Resolves once so many events of a key are booked, or any is in quarantine. */
async function booked(key: StagedKey, calls: number): ReturnType<CreditStage['bookedOf']> {
  let of = await stage.bookedOf(key);
  await waitUntil(
    async () => {
      of = await stage.bookedOf(key);
      return of.booked >= calls || of.quarantined.length > 0;
    },
    { timeoutMs: 60_000, what: `${calls} events are booked` },
  );
  return of;
}

const hi = [{ role: 'user', content: 'hi' }];
const choices = [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }];

const amount = fc.oneof(
  fc.nat(100),
  fc.integer({ min: -10, max: 2_100_000_000 }),
  fc.constantFrom(1_000_000_000, 1_000_000_001, '1000000000', 1e300, -0, 0.5, null, 'many', true),
);
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('priority', 'flex', 'fast', 'us', 'advisor_message', 'compaction', '\ud800', '\0', 'x'.repeat(5_000)),
);
const sideNames = ['prompt_tokens', 'completion_tokens', 'total_tokens', 'input_tokens', 'output_tokens'];
const partNames = [
  ...['cached_tokens', 'audio_tokens', 'image_tokens', 'reasoning_tokens', 'cache_write_tokens'],
  ...['cache_read_input_tokens', 'cache_creation_input_tokens', 'ephemeral_1h_input_tokens', 'citation_tokens'],
];
const counts = (names: readonly string[]) => fc.dictionary(fc.constantFrom(...names), amount, { maxKeys: 6 });
const pass = fc
  .tuple(counts([...sideNames, ...partNames]), text, text)
  .map(([fields, type, model]) => ({ ...fields, type, model }));
/** Anything that a provider may send as `usage`: the names of all forms, with any values. */
const usage = fc
  .record(
    {
      sides: counts(sideNames),
      parts: counts(partNames),
      prompt_tokens_details: counts(partNames),
      completion_tokens_details: counts(partNames),
      cache_creation: counts(partNames),
      server_tool_use: fc.dictionary(fc.oneof(text, fc.constant('web_search_requests')), amount, { maxKeys: 90 }),
      iterations: fc.array(pass, { maxLength: 200 }),
      service_tier: text,
      speed: text,
      inference_geo: text,
    },
    { requiredKeys: [] },
  )
  .map(({ sides, parts, ...rest }) => ({ ...sides, ...parts, ...rest }));
const modelName = fc.oneof(
  fc.constantFrom('m', 'dear'),
  text.map((name) => `any/${name}`),
);

describe('the ledger', () => {
  it('takes every event of a gateway, whatever a provider reports and a caller names', async () => {
    const key = await stage.makeKey();
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(usage, modelName, fc.boolean(), async (reported, model, isAnswer) => {
        stage.provider.says = JSON.stringify({
          id: 'c',
          object: 'chat.completion',
          model,
          choices: isAnswer ? choices : [],
          usage: reported,
        });
        const before = stage.provider.calls;
        const reply = await stage.post(key, { model, max_tokens: 100, messages: hi });
        await reply.text();
        if (stage.provider.calls > before) calls += 1;
        expect(reply.status).toBe(stage.provider.calls === before ? reply.status : isAnswer ? 200 : 502);
        expect((await stage.bookedOf(key)).quarantined).toEqual([]);
      }),
      { numRuns: 150 },
    );
    const { booked: events, quarantined } = await booked(key, calls);
    expect(quarantined).toEqual([]);
    expect(events).toBe(calls);
    expect(calls).toBeGreaterThan(20);
  });

  it('books a call that costs more than the most that is charged for one, and charges that', async () => {
    const key = await stage.makeKey();
    const prompt_tokens = 950_000;
    stage.provider.says = JSON.stringify({ choices, usage: { prompt_tokens, completion_tokens: 1 } });
    const messages = [{ role: 'user', content: 'x'.repeat(prompt_tokens) }];
    const reply = await stage.post(key, { model: 'dear', max_tokens: 100, messages });
    expect(reply.status).toBe(200);
    expect(await booked(key, 1)).toMatchObject({ booked: 1, chargeNanoUsd: 9_000_000_000_000_000n, quarantined: [] });
  });

  it('books what was reported of a call without an answer, and charges nothing', async () => {
    const key = await stage.makeKey();
    stage.provider.says = JSON.stringify({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 2 } });
    const reply = await stage.post(key, { model: 'm', max_tokens: 100, messages: hi });
    expect(reply.status).toBe(502);
    // 2 tokens of 100 USD a million.
    expect(await booked(key, 1)).toMatchObject({ chargeNanoUsd: 0n, costNanoUsd: 200_000n, quarantined: [] });
  });
});
