import {
  BUILT_IN_TOOLS,
  NO_DETAILS,
  readUsage,
  reportIn,
  toolOfType,
  type TokenUsage,
  type UsageDetails,
} from '@tollgate/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  costBound,
  costOf,
  MORE_CLASSES,
  pricedCall,
  priceLines,
  sumOf,
  toolFees,
  unpricedModes,
  unpricedTool,
  type Factor,
  type ModelPrice,
  type MorePrices,
  type ToolUses,
} from './index.js';

const price: ModelPrice = {
  inputNanoUsdPerMillion: 150_000_000n,
  outputNanoUsdPerMillion: 600_000_000n,
  cachedInputNanoUsdPerMillion: 75_000_000n,
  maxOutputTokens: 16_384,
  contextTokens: 128_000,
};
const NO_MORE: MorePrices = {
  classes: {},
  toolCalls: new Map(),
  serviceTiers: new Map(),
  speeds: new Map(),
  inferenceGeos: new Map(),
  longContext: [],
};
const usd = (dollars: number): bigint => BigInt(Math.round(dollars * 1e9));
const withMore = (base: ModelPrice, more: Partial<MorePrices>): ModelPrice => ({
  ...base,
  more: { ...NO_MORE, ...more },
});
const times = (input: number, output = input): Factor => ({
  inputThousandths: BigInt(Math.round(input * 1000)),
  outputThousandths: BigInt(Math.round(output * 1000)),
});
const usage = (inputTokens: number, outputTokens: number, more: Partial<TokenUsage> = {}): TokenUsage => ({
  inputTokens,
  outputTokens,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  ...more,
});
const detailed = (inputTokens: number, outputTokens: number, details: Partial<UsageDetails>): TokenUsage =>
  usage(inputTokens, outputTokens, { details: { ...NO_DETAILS, ...details } });
const read = (report: object): TokenUsage => {
  const { apart: _kept, ...told } = readUsage(report)!;
  return { ...told, inputTokens: told.inputTokens ?? 0, outputTokens: told.outputTokens ?? 0 };
};

/** Claude's prices: reads at a tenth of the input, writes at 1.25 and 2 times. */
const claude = withMore(
  {
    ...price,
    inputNanoUsdPerMillion: usd(5),
    outputNanoUsdPerMillion: usd(25),
    cachedInputNanoUsdPerMillion: usd(0.5),
  },
  {
    classes: { cacheWrite5m: usd(6.25), cacheWrite1h: usd(10) },
    toolCalls: new Map([['web_search', usd(10)]]),
    speeds: new Map([['fast', times(6)]]),
    inferenceGeos: new Map([['us', times(1.1)]]),
  },
);
const gpt = withMore(
  {
    ...price,
    inputNanoUsdPerMillion: usd(2.5),
    outputNanoUsdPerMillion: usd(15),
    cachedInputNanoUsdPerMillion: usd(0.25),
  },
  {
    classes: { cacheWrite5m: usd(3.125) },
    serviceTiers: new Map([
      ['priority', times(2)],
      ['flex', times(0.5)],
    ]),
    longContext: [{ aboveInputTokens: 272_000, ...times(2, 1.5) }],
  },
);

describe('the cost of a call', () => {
  it('is exact: 1,000 in at 0.15 USD and 500 out at 0.60 USD a million is 0.00045 USD', () => {
    expect(costOf(price, usage(1_000, 500))).toBe(450_000n);
  });
  it('counts cached input at its own price', () => {
    expect(costOf(price, usage(1_000, 0, { cachedInputTokens: 400 }))).toBe(120_000n);
  });
  it('rounds a fraction of a nano-USD up', () => {
    expect(costOf({ ...price, inputNanoUsdPerMillion: 1n }, usage(1, 0))).toBe(1n);
  });

  it.each<[string, ModelPrice, TokenUsage, bigint]>([
    [
      'a write to a cache once, at its price',
      claude,
      read({ input_tokens: 3, cache_creation_input_tokens: 12304, cache_read_input_tokens: 0, output_tokens: 0 }),
      3n * 5_000n + 12304n * 6_250n,
    ],
    [
      'OpenAI’s write as a slice of the input, at 1.25 times',
      gpt,
      read({
        prompt_tokens: 5000,
        completion_tokens: 20,
        total_tokens: 5020,
        prompt_tokens_details: { cached_tokens: 1000, cache_write_tokens: 3000 },
      }),
      1000n * 2_500n + 1000n * 250n + 3000n * 3_125n + 20n * 15_000n,
    ],
    [
      'a write as input where it has no price',
      price,
      detailed(1000, 0, { cacheWrite5mTokens: 600, cacheWrite1hTokens: 400 }),
      150_000n,
    ],
    [
      'a write for an hour at its price, and what is in neither part at that of five minutes',
      claude,
      read({
        input_tokens: 0,
        output_tokens: 0,
        cache_creation_input_tokens: 5000,
        cache_creation: { ephemeral_5m_input_tokens: 500, ephemeral_1h_input_tokens: 4000 },
      }),
      4000n * 10_000n + 1000n * 6_250n,
    ],
    [
      'a write for an hour as one for five minutes where it has no price of its own',
      gpt,
      detailed(1000, 0, { cacheWrite1hTokens: 1000 }),
      3_125_000n,
    ],
    [
      'a compaction beside the totals',
      claude,
      read({
        input_tokens: 23000,
        output_tokens: 1000,
        iterations: [
          { type: 'compaction', input_tokens: 180000, output_tokens: 3500 },
          { type: 'message', input_tokens: 23000, output_tokens: 1000 },
        ],
      }),
      203_000n * 5_000n + 4_500n * 25_000n,
    ],
    [
      'all tokens at the price of a long context, which is above 272,000',
      gpt,
      usage(272_001, 100),
      272_001n * 5_000n + 100n * 22_500n,
    ],
    ['none of them at it with 272,000', gpt, usage(272_000, 100), 272_000n * 2_500n + 100n * 15_000n],
    ['the tier that served', gpt, detailed(1000, 100, { serviceTier: 'priority' }), 2n * (2_500_000n + 1_500_000n)],
    [
      'the tier under its other name',
      gpt,
      detailed(1000, 100, { serviceTier: 'fast' }),
      2n * (2_500_000n + 1_500_000n),
    ],
    ['a cheaper tier', gpt, detailed(1000, 100, { serviceTier: 'flex' }), (2_500_000n + 1_500_000n) / 2n],
    ['a tier without a factor as the usual one', gpt, detailed(1000, 100, { serviceTier: 'scale' }), 4_000_000n],
    [
      'the speed that served, for all classes',
      claude,
      detailed(1000, 0, { speed: 'fast', cacheWrite5mTokens: 500 }),
      6n * (2_500_000n + 3_125_000n),
    ],
    ['speed and place together', claude, detailed(1000, 0, { speed: 'fast', inferenceGeo: 'us' }), 33_000_000n],
    [
      'each call of a tool that was made, and none for one that was only declared',
      claude,
      read({ input_tokens: 100, output_tokens: 0, server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 } }),
      500_000n + 20_000_000n,
    ],
    [
      'reasoning as output where it has no price, and sound and images not at all',
      price,
      detailed(1000, 1000, {
        audioInputTokens: 300,
        imageInputTokens: 200,
        audioOutputTokens: 100,
        imageOutputTokens: 100,
      }),
      500n * 150n + 800n * 600n,
    ],
    [
      'cached sound as sound where it has no price',
      withMore(price, { classes: { audioInput: usd(10) } }),
      usage(1000, 0, { cachedInputTokens: 1000, details: { ...NO_DETAILS, cachedAudioInputTokens: 400 } }),
      600n * 75n + 400n * 10_000n,
    ],
    [
      'each class at its own price',
      withMore(price, {
        classes: {
          audioInput: 1_000_000_000n,
          imageInput: 2_000_000_000n,
          cachedAudio: 3_000_000_000n,
          reasoning: 4_000_000_000n,
          audioOutput: 5_000_000_000n,
          imageOutput: 6_000_000_000n,
        },
      }),
      usage(1000, 1000, {
        cachedInputTokens: 100,
        reasoningTokens: 10,
        details: {
          ...NO_DETAILS,
          audioInputTokens: 20,
          imageInputTokens: 30,
          cachedAudioInputTokens: 40,
          audioOutputTokens: 50,
          imageOutputTokens: 60,
        },
      }),
      850n * 150n + 60n * 75n + 20_000n + 60_000n + 120_000n + 880n * 600n + 40_000n + 250_000n + 360_000n,
    ],
  ])('counts %s', (_what, its, used, expected) => expect(costOf(its, used)).toBe(expected));

  it('counts a pass of another model at its price, with its own cache, and none for nothing', () => {
    const advisor = { ...claude, inputNanoUsdPerMillion: usd(10), outputNanoUsdPerMillion: usd(50) };
    const used = read({
      input_tokens: 100,
      output_tokens: 10,
      iterations: [
        { type: 'message', input_tokens: 100, output_tokens: 10 },
        { type: 'advisor_message', model: 'dear', input_tokens: 40, cache_read_input_tokens: 50, output_tokens: 5 },
      ],
    });
    const own = 100n * 5_000n + 10n * 25_000n;
    const priceOf = (model: string) => (model === 'dear' ? advisor : null);
    expect(costOf(claude, used, priceOf)).toBe(own + 40n * 10_000n + 50n * 500n + 5n * 50_000n);
    expect(costOf(claude, used, () => null)).toBe(own + 40n * 5_000n + 50n * 500n + 5n * 25_000n);
    expect(costOf(claude, used)).toBe(costOf(claude, used, () => null));
  });

  it('is by the price of the model that answered in place of the one that was asked', () => {
    const used = detailed(100, 10, { servedModel: 'cheap' });
    expect(costOf(claude, used, (model) => (model === 'cheap' ? price : null))).toBe(costOf(price, usage(100, 10)));
    expect(costOf(claude, used, () => null)).toBe(costOf(claude, usage(100, 10)));
  });

  it('counts the long context of each pass by itself', () => {
    const pass = (inputTokens: number) => ({ kind: 'compaction', model: null, usage: usage(inputTokens, 0) });
    expect(costOf(gpt, detailed(200_000, 0, { passes: [pass(100_000)] }))).toBe(300_000n * 2_500n);
    expect(costOf(gpt, detailed(200_000, 0, { passes: [pass(300_000)] }))).toBe(200_000n * 2_500n + 300_000n * 5_000n);
  });
});

describe('a call that was served in another way than usual', () => {
  const unpriced = (of: ModelPrice, details: Partial<UsageDetails>) =>
    pricedCall(of, detailed(1000, 100, details)).unpriced;
  it('has no known cost where the price has no factor for it, and is charged at the usual price', () => {
    for (const [of, details] of [
      [gpt, { serviceTier: 'turbo' }],
      [claude, { serviceTier: 'priority' }],
      [claude, { speed: 'faster' }],
      [claude, { inferenceGeo: 'eu' }],
      [price, { serviceTier: 'priority' }],
      [price, { speed: 'fast' }],
    ] as const) {
      expect(unpriced(of, details), JSON.stringify(details)).toBe(true);
      expect(costOf(of, detailed(1000, 100, details))).toBe(costOf(of, usage(1000, 100)));
    }
    expect(pricedCall(gpt, detailed(0, 0, { serviceTier: 'turbo' })).unpriced).toBe(false);
  });
  it('has a known one with a factor, in a cheaper tier, and under each name of the usual one', () => {
    const usual = ['default', 'standard', 'standard_only', 'auto', 'on_demand', 'scale', 'reserved', 'flex', 'batch'];
    for (const serviceTier of usual)
      for (const of of [gpt, claude, price]) expect(unpriced(of, { serviceTier })).toBe(false);
    for (const serviceTier of ['priority', 'fast']) expect(unpriced(gpt, { serviceTier })).toBe(false);
    for (const details of [
      { speed: 'fast' },
      { speed: 'standard' },
      { inferenceGeo: 'us' },
      { inferenceGeo: 'global' },
    ])
      expect(unpriced(claude, details)).toBe(false);
  });
  it('is told by each pass for itself, else by the call', () => {
    const pass = { kind: 'iteration', model: null, usage: detailed(10, 1, { serviceTier: 'turbo' }) };
    expect(unpriced(gpt, { passes: [pass] })).toBe(true);
    expect(unpriced(gpt, { passes: [{ kind: 'iteration', model: null, usage: usage(10, 1) }] })).toBe(false);
  });
});

describe('price lines', () => {
  it('have each class that there is any of, at its price', () => {
    expect(priceLines(price, usage(1_000, 500, { cachedInputTokens: 400, reasoningTokens: 100 }))).toEqual([
      {
        class: 'text_input',
        model: null,
        tool: null,
        quantity: 600,
        nanoUsdPerMillion: 150_000_000n,
        nanoUsd: 90_000n,
      },
      {
        class: 'cached_text',
        model: null,
        tool: null,
        quantity: 400,
        nanoUsdPerMillion: 75_000_000n,
        nanoUsd: 30_000n,
      },
      {
        class: 'text_output',
        model: null,
        tool: null,
        quantity: 400,
        nanoUsdPerMillion: 600_000_000n,
        nanoUsd: 240_000n,
      },
      { class: 'reasoning', model: null, tool: null, quantity: 100, nanoUsdPerMillion: 600_000_000n, nanoUsd: 60_000n },
    ]);
    expect(priceLines(price, usage(0, 0))).toEqual([]);
  });

  it('add up to the cost, whatever is in them', () => {
    fc.assert(
      fc.property(anyPrice, anyUsage, anyPrice, (its, used, other) => {
        const lines = priceLines(its, used, () => other);
        expect(sumOf(lines)).toBe(costOf(its, used, () => other));
        for (const { quantity, nanoUsd } of lines) expect(quantity > 0 && nanoUsd >= 0n).toBe(true);
      }),
    );
  });

  it('make the same cost as the short way of calls without details', () => {
    fc.assert(
      fc.property(anyPrice, tokens, tokens, tokens, tokens, (its, input, output, cached, reasoning) => {
        const { more: _more, ...plain } = its;
        const used = usage(input, output, { cachedInputTokens: cached, reasoningTokens: reasoning });
        expect(sumOf(priceLines(plain, used))).toBe(costOf(plain, used));
        expect(costOf({ ...plain, more: NO_MORE }, used)).toBe(costOf(plain, used));
      }),
    );
  });
});

/** The bound of so many calls: of all tools together, as Responses have it. */
function usesOf(calls: Readonly<Record<string, number>>): readonly ToolUses[] {
  const callsMax = Object.values(calls).reduce((sum, each) => sum + each, 0);
  return [{ names: Object.keys(calls).map(toolOfType), callsMax }];
}

describe('the bound of a cost', () => {
  it('is reached by no usage within its tokens and calls, however it was served', () => {
    fc.assert(
      fc.property(fc.array(anyPrice, { minLength: 1, maxLength: 3 }), anyUsage, fc.nat(2), (prices, used, at) => {
        const its = prices[at % prices.length]!;
        // A speed is only served where it was asked for; passes are bounded by whoever knows how many there can be.
        const details = { ...(used.details ?? NO_DETAILS), passes: [], servedModel: null };
        const call = { ...used, details };
        const modes = { serviceTier: null, speed: details.speed, inferenceGeo: null };
        const tools = usesOf(details.toolCalls);
        const bound = costBound(prices, used.inputTokens, used.outputTokens, { modes, tools });
        expect(costOf(its, call) <= bound).toBe(true);
        const asked = {
          serviceTier: details.serviceTier ?? 'auto',
          speed: details.speed,
          inferenceGeo: details.inferenceGeo,
        };
        const closer = costBound(prices, used.inputTokens, used.outputTokens, { modes: asked, tools });
        expect(costOf(its, call) <= closer && closer <= bound).toBe(true);
      }),
    );
  });
  it('is the dearest class of each side', () => {
    expect(costBound([claude], 1000, 10)).toBe(1000n * 11_000n + 10n * 27_500n);
    expect(costBound([price, { ...price, cachedInputNanoUsdPerMillion: usd(0.3) }], 1000, 0)).toBe(300_000n);
    expect(costBound([price], 1000, 64)).toBe(1000n * 150n + 64n * 600n);
  });
  it('takes the long context only where the input may be that long', () => {
    const modes = { serviceTier: 'default', speed: null, inferenceGeo: null };
    expect(costBound([gpt], 272_000, 0, { modes })).toBe(272_000n * 3_125n);
    expect(costBound([gpt], 272_001, 0, { modes })).toBe(272_001n * 6_250n);
  });
  it('has the fees of the tools that may be called', () => {
    const tools = (...names: string[]) => ({ tools: [{ names: names.map(toolOfType), callsMax: 5 }] });
    expect(costBound([claude], 0, 0, tools('web_search'))).toBe(5n * 10_000_000n);
    // Tools with a number of calls of their own each have their own fee.
    const each = [...tools('web_search').tools, { names: [toolOfType('web_fetch')], callsMax: 100 }];
    expect(costBound([claude], 0, 0, { tools: each })).toBe(5n * 10_000_000n);
    expect(unpricedTool(claude, tools('web_search', 'computer'))).toBe('computer');
    expect(unpricedTool(claude, tools('web_search'))).toBeNull();
    // A tool whose calls are known to be free needs no price.
    expect(unpricedTool(price, tools('web_fetch'))).toBeNull();
    expect(unpricedTool(price, {})).toBeNull();
  });
  it('takes the dearest tier where the request leaves it to the provider, and the named one where not', () => {
    const inTier = (serviceTier: string | null) =>
      costBound([gpt], 1000, 0, { modes: { serviceTier, speed: null, inferenceGeo: null } });
    expect([null, 'auto', 'priority', 'fast'].map(inTier)).toEqual(Array(4).fill(6_250_000n));
    expect(['default', 'flex'].map(inTier)).toEqual(Array(2).fill(3_125_000n));
  });
});

describe('the fee of a tool that a provider runs', () => {
  const FEE = 7_000_000_000n;
  const CALL = FEE / 1_000n;
  /** What a hosted shell and a search of the provider say of themselves in an item. */
  const HOSTED = { environment: { type: 'container_reference', container_id: 'c' }, execution: 'server' };
  const names = BUILT_IN_TOOLS.flatMap(({ name, declaredAs = [], countedAs = [], item = `${name}_call` }) =>
    [name, ...declaredAs].flatMap((declared) => [name, ...countedAs].map((counted) => [declared, counted, item, name])),
  );

  it.each(names)('is held for %s and charged for %s and %s under one name: %s', (...each) => {
    const [declared, counted, item, name] = each as [string, string, string, string];
    const priced = (entry: string) => ({ ...price, more: { ...NO_MORE, toolCalls: toolFees({ [entry]: FEE }) } });
    const charged = [
      reportIn({ usage: { input_tokens: 0, output_tokens: 0, server_tool_use: { [`${counted}_requests`]: 2 } } }),
      reportIn({
        usage: { input_tokens: 0, output_tokens: 0, server_side_tool_usage_details: { [`${counted}_calls`]: 2 } },
      }),
      reportIn({ usage: { input_tokens: 0, output_tokens: 0 }, output: Array(2).fill({ type: item, ...HOSTED }) }),
    ].map((report) => ({ ...usage(0, 0), details: report!.details! }));
    // A price may stand under any name by which a request declares the tool.
    for (const entry of [name, declared])
      for (const version of ['', '_20260209', '_2025_08_26', '_preview', '_preview_2025_03_11']) {
        const tools = [{ names: [toolOfType(`${declared}${version}`)], callsMax: 2 }];
        expect(unpricedTool(priced(entry), { tools })).toBeNull();
        expect(costBound([priced(entry)], 0, 0, { tools })).toBe(2n * CALL);
        expect(charged.map((used) => costOf(priced(entry), used))).toEqual(Array(3).fill(2n * CALL));
      }
  });
  it('is the higher one of two under different names of one tool', () => {
    expect(toolFees({ web_search: 1n, web_search_preview: 3n, web_search_options: 2n })).toEqual(
      new Map([['web_search', 3n]]),
    );
  });
});

describe('what a request asks for', () => {
  const asked = (modes: Partial<Parameters<typeof unpricedModes>[1]>) =>
    unpricedModes(claude, { serviceTier: null, speed: null, inferenceGeo: null, ...modes });
  it('has a price where the price names it, or where it is usual or cheaper', () => {
    for (const serviceTier of [null, 'auto', 'default', 'standard', 'standard_only', 'flex', 'batch'])
      expect(asked({ serviceTier })).toEqual([]);
    expect([asked({ speed: 'fast' }), asked({ speed: 'standard' })]).toEqual([[], []]);
    expect([asked({ inferenceGeo: 'us' }), asked({ inferenceGeo: 'global' })]).toEqual([[], []]);
  });
  it('is named where it has none', () => {
    const [tier, speed, geo] = [
      { field: 'service_tier', value: 'priority' },
      { field: 'speed', value: 'faster' },
      { field: 'inference_geo', value: 'eu' },
    ];
    expect(asked({ serviceTier: 'priority' })).toEqual([tier]);
    expect(asked({ speed: 'faster' })).toEqual([speed]);
    expect(asked({ serviceTier: 'priority', speed: 'faster', inferenceGeo: 'eu' })).toEqual([tier, speed, geo]);
    expect(unpricedModes(price, { serviceTier: 'constructor', speed: null, inferenceGeo: null })).toHaveLength(1);
  });
});

const tokens = fc.nat(400_000);
const perMillion = fc.bigInt(0n, 90_000_000_000n);
const factor = fc.record({ inputThousandths: fc.bigInt(1n, 9_000n), outputThousandths: fc.bigInt(1n, 9_000n) });
const factors = (...names: string[]) =>
  fc
    .uniqueArray(fc.constantFrom(...names))
    .chain((some) => fc.tuple(...some.map((name) => fc.tuple(fc.constant(name), factor))))
    .map((rows) => new Map(rows));
const anyPrice: fc.Arbitrary<ModelPrice> = fc
  .record(
    {
      inputNanoUsdPerMillion: perMillion,
      outputNanoUsdPerMillion: perMillion,
      cachedInputNanoUsdPerMillion: fc.option(perMillion),
      maxOutputTokens: fc.constant(100),
      contextTokens: fc.constant(100),
      more: fc.record({
        classes: fc.record(Object.fromEntries(MORE_CLASSES.map((name) => [name, perMillion])), { requiredKeys: [] }),
        toolCalls: fc
          .array(fc.tuple(fc.constantFrom('web_search', 'web_fetch'), perMillion))
          .map((rows) => new Map(rows)),
        serviceTiers: factors('priority', 'fast', 'flex'),
        speeds: factors('fast'),
        inferenceGeos: factors('us'),
        longContext: fc.array(
          fc.tuple(fc.nat(400_000), factor).map(([aboveInputTokens, by]) => ({ aboveInputTokens, ...by })),
          { maxLength: 3 },
        ),
      }),
    },
    {
      requiredKeys: [
        'inputNanoUsdPerMillion',
        'outputNanoUsdPerMillion',
        'cachedInputNanoUsdPerMillion',
        'maxOutputTokens',
        'contextTokens',
      ],
    },
  )
  .map((each) => each as ModelPrice);
const plainUsage = fc.record({
  inputTokens: tokens,
  outputTokens: tokens,
  cachedInputTokens: tokens,
  reasoningTokens: tokens,
});
const anyUsage: fc.Arbitrary<TokenUsage> = fc
  .tuple(
    plainUsage,
    fc.option(
      fc.record({
        cacheWrite5mTokens: tokens,
        cacheWrite1hTokens: tokens,
        audioInputTokens: tokens,
        imageInputTokens: tokens,
        cachedAudioInputTokens: tokens,
        audioOutputTokens: tokens,
        imageOutputTokens: tokens,
        toolCalls: fc.dictionary(fc.constantFrom('web_search', 'web_fetch', 'other'), fc.integer({ min: 1, max: 50 })),
        passes: fc.array(
          fc.record({ kind: fc.constant('compaction'), model: fc.constantFrom(null, 'other'), usage: plainUsage }),
          { maxLength: 3 },
        ),
        serviceTier: fc.constantFrom(null, 'priority', 'fast', 'flex', 'unknown'),
        speed: fc.constantFrom(null, 'fast'),
        inferenceGeo: fc.constantFrom(null, 'us'),
        servedModel: fc.constantFrom(null, 'other'),
      }),
    ),
  )
  .map(([used, details]) => (details === null ? used : { ...used, details }));
