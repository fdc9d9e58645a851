import { readFileSync } from 'node:fs';
import { costBound, pricedCall, pricesAt, unpricedModes, type ModelPrice } from '@tollgate/pricing';
import { readUsage, type TokenUsage } from '@tollgate/usage';
import { describe, expect, it } from 'vitest';
import { knownLimits, knownModels, knownPrice, PRICES_VERSION, SOURCES, sourceOfHost } from './index.js';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const at = (source: string, model: string, moment: string | number = NOW): ModelPrice | null => {
  const rules = knownPrice(source, model)?.rules ?? [];
  return pricesAt(rules, typeof moment === 'number' ? moment : Date.parse(moment)).price;
};
const read = (report: object): TokenUsage => {
  const { apart: _kept, ...told } = readUsage(report)!;
  return { ...told, inputTokens: told.inputTokens ?? 0, outputTokens: told.outputTokens ?? 0 };
};
/** The cost of a report in nano-USD; null if a part of it has no price. */
const costOf = (source: string, model: string, report: object, moment?: string): bigint | null => {
  const { lines, unpriced } = pricedCall(at(source, model, moment)!, read(report));
  return unpriced ? null : lines.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0n);
};
const usd = (dollars: number): bigint => BigInt(Math.round(dollars * 1e9));

describe('a call of a known model', () => {
  it.each<[string, string, string, object, bigint | null]>([
    [
      'A1: with the cache inside the input, at OpenAI',
      'openai',
      'gpt-4o-mini',
      { prompt_tokens: 1000, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 900 } },
      100n * 150n + 900n * 75n,
    ],
    [
      'A1: with the cache on top of the input, at Anthropic',
      'anthropic',
      'claude-opus-4-8',
      { input_tokens: 100, cache_read_input_tokens: 900, output_tokens: 0 },
      100n * 5_000n + 900n * 500n,
    ],
    [
      'A2: with cache writes of two lifetimes',
      'anthropic',
      'claude-opus-4-8',
      {
        input_tokens: 0,
        output_tokens: 0,
        cache_creation_input_tokens: 3000,
        cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 2000 },
      },
      1000n * 6_250n + 2000n * 10_000n,
    ],
    [
      'A3: with details inside the total',
      'openai',
      'gpt-4o-mini',
      {
        prompt_tokens: 0,
        completion_tokens: 100,
        completion_tokens_details: {
          reasoning_tokens: 30,
          accepted_prediction_tokens: 60,
          rejected_prediction_tokens: 20,
        },
      },
      100n * 600n,
    ],
    [
      'A3: with a reasoning price that replaces that of the output',
      'perplexity',
      'sonar-deep-research',
      { prompt_tokens: 0, completion_tokens: 100, completion_tokens_details: { reasoning_tokens: 30 } },
      70n * 8_000n + 30n * 3_000n,
    ],
    [
      'A4: with sound at its own price',
      'openai',
      'gpt-audio',
      { prompt_tokens: 100, completion_tokens: 0, prompt_tokens_details: { audio_tokens: 60 } },
      40n * 2_500n + 60n * 32_000n,
    ],
    [
      'A4: with sound that has no price, which is not text',
      'openai',
      'gpt-4o-audio-preview',
      { prompt_tokens: 100, completion_tokens: 0, prompt_tokens_details: { audio_tokens: 60 } },
      null,
    ],
    [
      'A4: with an image that is not told apart, at the price of text',
      'openai',
      'gpt-4o',
      { prompt_tokens: 900, completion_tokens: 0 },
      900n * 2_500n,
    ],
    [
      'A5: with the searches that were made',
      'anthropic',
      'claude-opus-4-8',
      { input_tokens: 0, output_tokens: 0, server_tool_use: { web_search_requests: 2 } },
      2n * 10_000_000n,
    ],
    [
      'A6: in the tier that served it',
      'openai',
      'gpt-4o',
      { prompt_tokens: 1000, completion_tokens: 100, service_tier: 'default' },
      1000n * 2_500n + 100n * 10_000n,
    ],
    [
      'A7: at a place that costs a tenth more, the cache too',
      'anthropic',
      'claude-opus-4-8',
      { input_tokens: 100, cache_read_input_tokens: 900, output_tokens: 0, inference_geo: 'us' },
      (11n * (100n * 5_000n + 900n * 500n)) / 10n,
    ],
    [
      'A7: at the usual speed',
      'anthropic',
      'claude-opus-4-8',
      { input_tokens: 100, output_tokens: 0, speed: 'standard' },
      500_000n,
    ],
    [
      'A7: at the fast speed',
      'anthropic',
      'claude-opus-4-8',
      { input_tokens: 100, output_tokens: 0, speed: 'fast' },
      1_000_000n,
    ],
    [
      'A8: of a long context: all of it, the cache and the output',
      'openai',
      'gpt-5.5',
      { prompt_tokens: 278_000, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 8000 } },
      270_000n * 10_000n + 8000n * 1_000n + 10n * 45_000n,
    ],
    [
      'A8: of exactly 200,000 tokens at Anthropic, at the usual price',
      'anthropic',
      'claude-sonnet-4-5',
      { input_tokens: 200_000, output_tokens: 0 },
      200_000n * 3_000n,
    ],
    [
      'A8: of 200,001 tokens there, all of them dear',
      'anthropic',
      'claude-sonnet-4-5',
      { input_tokens: 200_001, output_tokens: 0 },
      200_001n * 6_000n,
    ],
    [
      'A11: of 272,000 tokens, to the last nano-USD',
      'openai',
      'gpt-4.1',
      { prompt_tokens: 272_000, completion_tokens: 5 },
      272_000n * 2_000n + 5n * 8_000n,
    ],
    [
      'A11: of a fraction of a nano-USD, rounded up once',
      'deepseek',
      'deepseek-v4-flash',
      { prompt_tokens: 3, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 3 } },
      21n,
    ],
    ['the fee of each call', 'perplexity', 'sonar', { prompt_tokens: 10, completion_tokens: 0 }, 12_000_000n + 10_000n],
  ])('costs %s', (_row, source, model, report, cost) => expect(costOf(source, model, report)).toBe(cost));

  it('A6: is held at the dearest tier that the request allows, and an exact ratio is no rounded one', () => {
    const price = at('openai', 'gpt-4o-mini')!;
    const bound = (serviceTier: string | null) =>
      costBound([price], 300, 0, { modes: { serviceTier, speed: null, inferenceGeo: null } });
    expect([bound(null), bound('auto'), bound('priority')]).toEqual([75_000n, 75_000n, 75_000n]);
    expect(bound('default')).toBe(45_000n);
    expect(unpricedModes(price, { serviceTier: 'priority', speed: null, inferenceGeo: null })).toEqual([]);
  });

  it('A8: is held at the dear price where its bound crosses the limit', () => {
    const modes = { serviceTier: 'default', speed: null, inferenceGeo: null };
    const bound = (input: number) => costBound([at('anthropic', 'claude-sonnet-4-5')!], input, 10, { modes });
    // Its input may all be written to a cache for an hour.
    expect(bound(200_000)).toBe(200_000n * 6_000n + 10n * 15_000n);
    expect(bound(200_001)).toBe(200_001n * 12_000n + 10n * 22_500n);
  });

  it('A9: is priced by the date and the hour', () => {
    const inputAt = (source: string, model: string, moment: string) =>
      at(source, model, moment)?.inputNanoUsdPerMillion;
    expect(inputAt('google', 'gemini-3.8-flash', '2026-12-31T23:59:59.999Z')).toBe(usd(0.75));
    expect(inputAt('google', 'gemini-3.8-flash', '2027-01-01T00:00:00.000Z')).toBe(usd(1.5));
    const deepseek = ['00:59:59.999', '01:00', '03:59:59.999', '04:00', '06:00', '09:59:59.999', '10:00'].map((hour) =>
      inputAt('deepseek', 'deepseek-v4-flash', `2026-11-29T${hour}Z`),
    );
    expect(deepseek).toEqual([0.22, 0.44, 0.44, 0.22, 0.44, 0.44, 0.22].map(usd));
    expect(at('anthropic', 'claude-opus-4-6', '2026-03-12T23:59:59Z')?.more?.longContext).toHaveLength(1);
    expect(at('anthropic', 'claude-opus-4-6', '2026-03-13T00:00:00Z')?.more?.longContext).toHaveLength(0);
  });

  it('A10: has no price where the source has an empty one', () => {
    expect(at('azure', 'mai-ds-r1:free')).toBeNull();
    expect(at('openai', 'omni-moderation-latest')).toBeNull();
    for (const source of SOURCES)
      for (const { price } of knownModels(source))
        for (const { price: its } of price.rules)
          expect(its.inputNanoUsdPerMillion > 0n || its.outputNanoUsdPerMillion >= 0n).toBe(true);
  });

  it.each([
    ['openai', 'gpt-4o', 'gpt-4o'],
    ['openai', 'gpt-4o-2024-08-06', 'gpt-4o'],
    ['openai', 'gpt-4o-2024-05-13', 'gpt-4o-2024-05-13'],
    ['openai', 'gpt-4o-2027-02-03', 'gpt-4o'],
    ['openai', 'gpt-4o-2027-02-31', null],
    ['openai', 'GPT-4o', null],
    ['openai', ' gpt-4o', null],
    ['openai', 'gpt-4o-turbo', null],
    ['openai', 'not-gpt-4o', null],
    ['anthropic', 'claude-sonnet-5-9-turbo', null],
    ['anthropic', 'claude-sonnet-5', 'claude-sonnet-5'],
    ['anthropic', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
    ['anthropic', 'claude-sonnet-4-20250514', 'claude-sonnet-4-0'],
    ['anthropic', 'claude-3-5-haiku-latest', 'claude-3-5-haiku-latest'],
    ['google', 'gemini-2.5-pro', 'gemini-2.5-pro'],
    ['azure', 'gpt-4o-mini', 'gpt-4o-mini'],
    ['my-openai-compatible', 'gpt-4o', null],
    ['openai-compatible', 'gpt-4o', null],
    ['', 'gpt-4o', null],
  ])('A12: at %s named %j is priced as %j', (source, model, entry) =>
    expect(knownPrice(source, model)?.model ?? null).toBe(entry),
  );

  it.each([
    ['https://api.openai.com/v1', 'openai'],
    ['https://api.anthropic.com', 'anthropic'],
    ['https://name.openai.azure.com/openai/v1', 'azure'],
    ['https://api.mistral.ai/v1', 'mistral'],
    ['https://api.groq.com/openai/v1', 'groq'],
    ['https://generativelanguage.googleapis.com/v1beta/openai', 'google'],
    ['https://api.openai.com.example.com/v1', null],
    ['https://openai.example.com/v1', null],
    ['https://example.com/https://api.openai.com/v1', null],
    ['https://eu.api.openai.com/v1', null],
    ['not a url', null],
  ])('A12: has the source of its host: %s', (url, source) => expect(sourceOfHost(url)).toBe(source));

  it.each([
    ['openai', 'gpt-4-turbo', 4_096],
    ['openai', 'gpt-4o', 16_384],
    ['openai', 'gpt-4.1', 32_768],
    ['anthropic', 'claude-opus-4-8', 128_000],
    ['anthropic', 'claude-3-haiku-20240307', 4_096],
    ['anthropic', 'claude-opus-4-1-20250805', 32_000],
    ['azure', 'gpt-4-turbo', 4_096],
  ])('A13: writes no more than it can: %s %s', (source, model, tokens) => {
    expect(knownLimits(source, model).output).toBe(tokens);
    expect(at(source, model)?.maxOutputTokens).toBe(tokens);
  });
  it('A13: reads at least as much as its window, where that is known', () => {
    expect(at('openai', 'gpt-4o-mini')?.contextTokens).toBe(128_000);
    expect(at('anthropic', 'claude-opus-4-8')?.contextTokens).toBe(1_000_000);
  });
});

describe('the price data', () => {
  it('is of the release that package.json pins', () => {
    const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(PRICES_VERSION).toBe(`@pydantic/genai-prices ${dependencies['@pydantic/genai-prices']}`);
  });
  it('has a price for more than a thousand models, each found by its own id', () => {
    const models = SOURCES.flatMap((source) => knownModels(source).map(({ id }) => [source, id] as const));
    expect(models.length).toBeGreaterThan(1_000);
    for (const [source, id] of models) expect(knownPrice(source, id)).not.toBeNull();
  });
});
