import { completion, nanoUsd, plain, usageOf } from '@tollgate/journey';
import { expect, it } from 'vitest';
import { scriptedPrice, type AttackStage } from '../attack-stage.js';
import { tellMeasured } from '../measured.js';

/**
 * The most that a call without a limit can plausibly cost: 16,384 tokens of input, ten times the model's longest
 * answer.
 */
const plausibleUsd = (16_384 * scriptedPrice.input + 10 * scriptedPrice.maxOutputTokens * scriptedPrice.output) / 1e6;

/** A provider that lies about its usage costs nobody a fortune. */
export function falseReports(stageOf: () => AttackStage): void {
  it.each([
    [10, 1_000_000_000],
    [1_000_000_000, 10],
    [500_000_000, 500_000_000],
  ])("a report of %d and %d tokens for a word is a loss, and no customer's debt", async (input, output) => {
    const { shape, provider } = stageOf();
    const model = `w-lies-${input}-${output}`;
    provider.play(model, [
      plain(completion('hello', { prompt_tokens: input, completion_tokens: output, total_tokens: input + output })),
    ]);
    const [capped, free] = [
      await shape.client().createKey({ credit_limit_usd: '0.02' }),
      await shape.client().createKey(),
    ];
    for (const key of [capped, free]) expect((await shape.client().chat(key.secret, { model })).status).toBe(200);
    const charged = {
      capped: (await usageOf(shape, capped.id, 1)).cost_usd,
      free: (await usageOf(shape, free.id, 1)).cost_usd,
    };
    expect(nanoUsd(charged.capped)).toBeLessThanOrEqual(nanoUsd('0.02'));
    expect(Number(charged.free)).toBeLessThanOrEqual(plausibleUsd);
    expect(Number(charged.free)).toBeGreaterThan(0);
    tellMeasured(`${shape.name}: a report of ${input} and ${output} tokens`, charged);
  });
}
