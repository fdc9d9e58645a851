import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEmbeddingsUsage } from './embeddings-usage.js';

const inputOf = (usage: unknown): number | null | undefined => readEmbeddingsUsage(usage)?.inputTokens;

describe('the usage of embeddings', () => {
  it.each<[unknown, number | undefined]>([
    [{ prompt_tokens: 5, total_tokens: 5 }, 5],
    [{ total_tokens: 5 }, 5],
    [{ prompt_tokens: 0, total_tokens: 5 }, 5],
    [{ prompt_tokens: 5, completion_tokens: 0, total_tokens: 5 }, 5],
    [{ prompt_tokens: 5, total_tokens: 9 }, 5],
    [{ prompt_tokens: '5', total_tokens: '5' }, 5],
    [{ input_tokens: 5 }, 5],
    [{ prompt_tokens: 5, total_tokens: 0 }, 5],
    [{ prompt_tokens: 0, total_tokens: 0 }, undefined],
    [{ prompt_tokens: 5.5 }, undefined],
    [{ completion_tokens: 5 }, undefined],
    [{}, undefined],
    [null, undefined],
    ['5', undefined],
    [[5], undefined],
  ])('is its input: %j', (usage, tokens) => {
    expect(inputOf(usage)).toBe(tokens);
  });
  it('never has output, whatever is reported', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (prompt, completion, total) => {
        const report = readEmbeddingsUsage({
          prompt_tokens: prompt,
          completion_tokens: completion,
          total_tokens: total,
        });
        return report === null || (report.outputTokens === 0 && (report.inputTokens ?? 0) > 0);
      }),
    );
  });
});
