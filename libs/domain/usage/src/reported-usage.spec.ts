import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeReports } from './merge-reports.js';
import { readUsage, reportIn } from './reported-usage.js';
import { NO_DETAILS, type UsageDetails } from './token-usage.js';
import type { UsageReport } from './usage-report.js';

type Expected = readonly [
  input: number | null,
  output: number | null,
  cached?: number,
  reasoning?: number,
  details?: Partial<UsageDetails>,
];

/** Usage objects that providers send, with the source of each. */
const SHAPES: readonly (readonly [provider: string, source: string, usage: unknown, expected: Expected])[] = [
  [
    'OpenAI',
    'platform.openai.com/docs/guides/prompt-caching',
    {
      prompt_tokens: 2006,
      completion_tokens: 300,
      total_tokens: 2306,
      prompt_tokens_details: { cached_tokens: 1920, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 128,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    [2006, 300, 1920, 128],
  ],
  [
    'OpenAI, with cache writes',
    'platform.openai.com/docs/guides/prompt-caching',
    {
      prompt_tokens: 2600,
      completion_tokens: 300,
      total_tokens: 2900,
      prompt_tokens_details: { cached_tokens: 2000, cache_write_tokens: 400 },
    },
    [2600, 300, 2000, 0, { cacheWrite5mTokens: 400 }],
  ],
  [
    'OpenAI o3, negative output',
    'github.com/64bit/async-openai/issues/404',
    { prompt_tokens: 1151, completion_tokens: -35, total_tokens: 1116 },
    [1151, null],
  ],
  [
    'OpenAI, names of its newer API',
    'platform.openai.com/docs/api-reference/responses',
    {
      input_tokens: 36,
      input_tokens_details: { cached_tokens: 12 },
      output_tokens: 87,
      output_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 123,
    },
    [36, 87, 12, 20],
  ],
  [
    'Azure',
    'learn.microsoft.com/azure/ai-services/openai/reference',
    {
      prompt_tokens: 33,
      completion_tokens: 557,
      total_tokens: 590,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    },
    [33, 557],
  ],
  [
    'DeepSeek',
    'api-docs.deepseek.com/api/create-chat-completion',
    {
      prompt_tokens: 10000,
      completion_tokens: 10,
      total_tokens: 10010,
      prompt_cache_hit_tokens: 9900,
      prompt_cache_miss_tokens: 100,
      completion_tokens_details: { reasoning_tokens: 4 },
    },
    [10000, 10, 9900, 4],
  ],
  [
    'Kimi',
    'github.com/earendil-works/pi/issues/2017',
    { prompt_tokens: 10000, completion_tokens: 10, total_tokens: 10010, cached_tokens: 9900 },
    [10000, 10, 9900],
  ],
  [
    'Kimi K3 at Baseten',
    'github.com/vercel/ai/pull/18614',
    {
      prompt_tokens: 951,
      completion_tokens: 6000,
      total_tokens: 6952,
      prompt_tokens_details: { cached_tokens: 60 },
      completion_tokens_details: { reasoning_tokens: 6001 },
    },
    [951, 6001, 60, 6001],
  ],
  [
    'xAI',
    'docs.x.ai/docs/key-information/consumption-and-rate-limits',
    { prompt_tokens: 32, completion_tokens: 9, total_tokens: 135, completion_tokens_details: { reasoning_tokens: 94 } },
    [32, 103, 0, 94],
  ],
  [
    'xAI, with cached input',
    'github.com/Wei-Shaw/sub2api/issues/5771',
    {
      prompt_tokens: 10120,
      completion_tokens: 1499,
      total_tokens: 14428,
      prompt_tokens_details: { cached_tokens: 128 },
      completion_tokens_details: { reasoning_tokens: 2809 },
    },
    [10120, 4308, 128, 2809],
  ],
  [
    'xAI, cached input on top',
    'github.com/vercel/ai/pull/12485',
    { prompt_tokens: 4142, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 4328 } },
    [8470, 10, 4328],
  ],
  [
    'Gemini',
    'github.com/Clarifai/clarifai-python/pull/978',
    { prompt_tokens: 20, completion_tokens: 424, total_tokens: 1016 },
    [20, 996],
  ],
  [
    'Gemini through a relay',
    'github.com/router-for-me/CLIProxyAPI/issues/5733',
    { prompt_tokens: 21, completion_tokens: 0, total_tokens: 81, completion_tokens_details: { reasoning_tokens: 60 } },
    [21, 60, 0, 60],
  ],
  [
    'Gemini, thoughts and no answer',
    'github.com/router-for-me/CLIProxyAPI/issues/5733',
    { prompt_tokens: 21, total_tokens: 81 },
    [21, 60],
  ],
  [
    'Mistral',
    'docs.mistral.ai/studio-api/conversations/advanced/prompt-caching',
    { prompt_tokens: 1013, total_tokens: 1043, completion_tokens: 30, prompt_tokens_details: { cached_tokens: 1008 } },
    [1013, 30, 1008],
  ],
  [
    'Mistral, the other names',
    'github.com/vercel/ai/issues/14382',
    {
      prompt_tokens: 1013,
      total_tokens: 1043,
      completion_tokens: 30,
      num_cached_tokens: 1008,
      prompt_token_details: { cached_tokens: 1008 },
    },
    [1013, 30, 1008],
  ],
  [
    'Groq',
    'github.com/vercel/ai/issues/1651',
    {
      queue_time: 0.07,
      prompt_tokens: 23,
      prompt_time: 0.006,
      completion_tokens: 19,
      completion_time: 0.022,
      total_tokens: 42,
      total_time: 0.028,
    },
    [23, 19],
  ],
  [
    'Together, Fireworks, vLLM',
    'github.com/langchain-ai/langchain/pull/38751',
    { prompt_tokens: 1500, total_tokens: 1510, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 1024 } },
    [1500, 10, 1024],
  ],
  [
    'vLLM, a chunk of a running stream',
    'github.com/vllm-project/vllm/pull/6652',
    { prompt_tokens: 8, total_tokens: 8, completion_tokens: 0 },
    [8, 0],
  ],
  [
    'OpenRouter',
    'openrouter.ai/docs/use-cases/usage-accounting',
    {
      completion_tokens: 2,
      completion_tokens_details: { reasoning_tokens: 0 },
      cost: 0.95,
      cost_details: { upstream_inference_cost: 19 },
      prompt_tokens: 194,
      prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 100, audio_tokens: 0 },
      total_tokens: 196,
    },
    [194, 2, 0, 0, { cacheWrite5mTokens: 100 }],
  ],
  [
    'OpenRouter, GLM at Friendli, no total',
    'github.com/Effect-TS/effect/pull/8170',
    { prompt_tokens: 900, completion_tokens: 293, completion_tokens_details: { reasoning_tokens: 321 } },
    [900, 614, 0, 321],
  ],
  [
    'Anthropic, names of its own',
    'docs.anthropic.com/en/docs/build-with-claude/prompt-caching',
    { input_tokens: 50, cache_creation_input_tokens: 200, cache_read_input_tokens: 1000, output_tokens: 30 },
    [1250, 30, 1000, 0, { cacheWrite5mTokens: 200 }],
  ],
  [
    'Anthropic, with thoughts',
    'platform.claude.com/docs/en/api/messages',
    { input_tokens: 25, output_tokens: 900, output_tokens_details: { thinking_tokens: 850 } },
    [25, 900, 0, 850],
  ],
  [
    'Anthropic through LiteLLM',
    'docs.litellm.ai/docs/completion/prompt_caching',
    {
      prompt_tokens: 1250,
      completion_tokens: 30,
      total_tokens: 1280,
      cache_read_input_tokens: 1000,
      cache_creation_input_tokens: 200,
      prompt_tokens_details: { cached_tokens: 1000 },
    },
    [1250, 30, 1000, 0, { cacheWrite5mTokens: 200 }],
  ],
  [
    'Anthropic through a relay that leaves the cache out',
    'github.com/decolua/9router/pull/2658',
    {
      prompt_tokens: 50,
      completion_tokens: 30,
      total_tokens: 80,
      cache_read_input_tokens: 1000,
      cache_creation_input_tokens: 200,
    },
    [1250, 30, 1000, 0, { cacheWrite5mTokens: 200 }],
  ],
  [
    'New API',
    'github.com/QuantumNous/new-api (dto/openai_response.go)',
    {
      prompt_tokens: 12,
      completion_tokens: 34,
      total_tokens: 46,
      prompt_tokens_details: { cached_tokens: 4 },
      input_tokens: 0,
      output_tokens: 0,
      input_tokens_details: null,
    },
    [12, 34, 4],
  ],
  [
    'New API, the other way round',
    'github.com/QuantumNous/new-api (dto/openai_response.go)',
    {
      prompt_tokens: 0,
      completion_tokens: 0,
      total_tokens: 46,
      input_tokens: 12,
      output_tokens: 34,
      input_tokens_details: { cached_tokens: 4 },
    },
    [12, 34, 4],
  ],
  [
    'llama.cpp',
    'github.com/ggml-org/llama.cpp (tools/server)',
    { completion_tokens: 35, prompt_tokens: 237, total_tokens: 272, prompt_tokens_details: { cached_tokens: 236 } },
    [237, 35, 236],
  ],
  [
    'Ollama, Cohere, Bedrock',
    'docs.ollama.com/api/openai-compatibility',
    { prompt_tokens: 26, completion_tokens: 298, total_tokens: 324 },
    [26, 298],
  ],
  [
    'MiniMax',
    'docs.key4u.shop/api-29972380',
    {
      total_tokens: 249,
      total_characters: 0,
      prompt_tokens: 26,
      completion_tokens: 223,
      completion_tokens_details: { reasoning_tokens: 214 },
    },
    [26, 223, 0, 214],
  ],
  [
    'Zhipu',
    'github.com/langgenius/dify-plugin-sdks/issues/188',
    {
      completion_tokens: 139,
      prompt_tokens: 15427,
      prompt_tokens_details: { cached_tokens: 170 },
      total_tokens: 15566,
    },
    [15427, 139, 170],
  ],
  [
    'DeepSeek at Huawei',
    'github.com/langgenius/dify-plugin-sdks/issues/188',
    {
      completion_tokens: 46,
      prompt_tokens: 4282,
      total_tokens: 4328,
      completion_tokens_details: null,
      prompt_tokens_details: { audio_tokens: null, cached_tokens: 1024 },
    },
    [4282, 46, 1024],
  ],
  [
    'Qwen',
    'github.com/langchain4j/langchain4j-community/issues/788',
    {
      prompt_tokens: 3019,
      completion_tokens: 104,
      total_tokens: 3123,
      prompt_tokens_details: { cached_tokens: 2048, cache_creation_input_tokens: 0 },
    },
    [3019, 104, 2048],
  ],
  [
    'Perplexity',
    'docs.perplexity.ai/api-reference',
    {
      prompt_tokens: 9,
      completion_tokens: 1020,
      total_tokens: 1029,
      search_context_size: 'low',
      citation_tokens: null,
    },
    [9, 1020],
  ],
  [
    'Perplexity, deep research',
    'github.com/bgeneto/open-webui-cost-tracker/issues/6',
    {
      prompt_tokens: 108,
      completion_tokens: 3256,
      total_tokens: 3364,
      citation_tokens: 7299,
      num_search_queries: 74,
      reasoning_tokens: 73248,
    },
    [7407, 76504, 0, 73248, { toolCalls: { web_search: 74 } }],
  ],
  [
    'Mistral, sound',
    'docs.mistral.ai/capabilities/audio',
    { prompt_audio_seconds: 203, prompt_tokens: 4, completion_tokens: 635, total_tokens: 3264 },
    [2629, 635, 0, 0, { audioInputTokens: 2625 }],
  ],
  [
    'Mistral, sound that the prompt includes',
    'docs.mistral.ai/capabilities/audio',
    {
      prompt_audio_seconds: 203,
      prompt_tokens: 2629,
      completion_tokens: 635,
      total_tokens: 3264,
      prompt_tokens_details: { cached_tokens: 0 },
    },
    [2629, 635],
  ],
  [
    'Mistral, without sound',
    'docs.mistral.ai/api',
    { prompt_audio_seconds: null, prompt_tokens: 4, completion_tokens: 635, total_tokens: 639 },
    [4, 635],
  ],
];

const ODD: readonly (readonly [what: string, usage: unknown, expected: Expected])[] = [
  ['numbers as text', { prompt_tokens: '100', completion_tokens: '50.0', total_tokens: '150' }, [100, 50]],
  ['a side that is null', { prompt_tokens: 100, completion_tokens: null }, [100, null]],
  ['a side that is missing, told by the total', { completion_tokens: 50, total_tokens: 150 }, [100, 50]],
  ['input that is zero, told by the total', { prompt_tokens: 0, completion_tokens: 50, total_tokens: 150 }, [100, 50]],
  ['a total alone', { total_tokens: 249, total_characters: 0 }, [null, null]],
  ['zeros', { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, [0, 0]],
  [
    'a negative, a fractional and a huge number',
    { prompt_tokens: -1, completion_tokens: 0.5, total_tokens: 1e12 },
    [null, null],
  ],
  ['text that is no number', { prompt_tokens: '1e3', completion_tokens: '' }, [null, null]],
  [
    'more cached than input',
    { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150, prompt_tokens_details: { cached_tokens: 5000 } },
    [100, 50, 100],
  ],
  [
    'more reasoning than output, and a total that fits',
    { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150, reasoning_tokens: 500 },
    [100, 50, 0, 50],
  ],
  [
    'cached input on top, told by the total',
    { prompt_tokens: 2000, completion_tokens: 30, total_tokens: 3030, cached_tokens: 1000 },
    [3000, 30, 1000],
  ],
  [
    'cached input and reasoning on top, told by the total',
    { prompt_tokens: 10, completion_tokens: 5, total_tokens: 1035, cached_tokens: 1000, reasoning_tokens: 20 },
    [1010, 25, 1000, 20],
  ],
  ['a total that is less than its sides', { prompt_tokens: 100, completion_tokens: 50, total_tokens: 3 }, [100, 50]],
  [
    'details that are lists or texts',
    {
      prompt_tokens: 100,
      completion_tokens: 50,
      prompt_tokens_details: [{ modality: 'TEXT' }],
      completion_tokens_details: 'none',
    },
    [100, 50],
  ],
  ['no object', 'usage', [null, null]],
  ['a list', [100, 50], [null, null]],
  ['an empty object', {}, [null, null]],
];

describe('a usage report', () => {
  it.each(SHAPES)('is read in the shape of %s (%s)', (_provider, _source, usage, expected) =>
    expect(plain(readUsage(usage))).toEqual(report(expected)),
  );

  it.each(ODD)('with %s tells what makes sense of it, and nothing else', (_what, usage, expected) =>
    expect(plain(readUsage(usage))).toEqual(report(expected)),
  );

  it('never makes a side negative, fractional or huge, nor a part larger than its side, whatever stands in it', () => {
    fc.assert(
      fc.property(anyUsage, (usage) => {
        const read = readUsage(usage);
        if (read === null) return;
        for (const side of [read.inputTokens, read.outputTokens]) expect(side === null || isCount(side)).toBe(true);
        expect(isCount(read.cachedInputTokens) && read.cachedInputTokens <= (read.inputTokens ?? 0)).toBe(true);
        expect(isCount(read.reasoningTokens) && read.reasoningTokens <= (read.outputTokens ?? 0)).toBe(true);
      }),
    );
  });

  it('charges the output that is told, and what the total has besides the input', () => {
    fc.assert(
      fc.property(count, count, count, (prompt, completion, onTop) => {
        const read = readUsage({
          prompt_tokens: prompt + 1,
          completion_tokens: completion,
          total_tokens: prompt + 1 + completion + onTop,
        });
        expect(read).toMatchObject({ inputTokens: prompt + 1, outputTokens: completion + onTop });
      }),
    );
  });
});

describe('the report of a document', () => {
  const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
  const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  it.each<[string, unknown, Expected]>([
    ['at the top', { choices: [], usage }, [100, 50]],
    ['at the top of an event without choices', { usage }, [100, 50]],
    ['at the top of an event whose choices are null', { choices: null, usage }, [100, 50]],
    ['in x_groq', { choices: [{ delta: {} }], x_groq: { id: 'r', usage } }, [100, 50]],
    ['in a choice', { choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage }] }, [100, 50]],
    ['in a choice, beside null at the top', { choices: [{ index: 0 }, { index: 1, usage }], usage: null }, [100, 50]],
    ['in a choice, beside zeros at the top', { choices: [{ usage }], usage: zeros }, [100, 50]],
    ['nowhere', { choices: [{ delta: { content: '"usage"' } }], usage: null }, [null, null]],
  ])('is found %s', (_where, document, expected) => expect(plain(reportIn(document))).toEqual(report(expected)));

  it('is none where the document is none', () => {
    for (const document of [null, 'usage', 3, [], { choices: 'no' }, { choices: [null, 3] }, { x_groq: 3 }])
      expect(reportIn(document)).toBeNull();
  });
});

describe('two reports of a call', () => {
  it('make one: a later one never lowers an earlier one', () => {
    const good = readUsage({ prompt_tokens: 100, completion_tokens: 50, prompt_tokens_details: { cached_tokens: 90 } });
    const zeros = readUsage({ prompt_tokens: 0, completion_tokens: 0 });
    expect(mergeReports(good, zeros)).toEqual(good);
    expect(mergeReports(zeros, good)).toEqual(good);
  });
  it('give each side where it was told', () => {
    expect(mergeReports(readUsage({ prompt_tokens: 100 }), readUsage({ completion_tokens: 50 }))).toEqual(
      report([100, 50]),
    );
  });
  it('make one whose parts are those of the sides that were taken', () => {
    const first = { inputTokens: 100, outputTokens: 5, cachedInputTokens: 90, reasoningTokens: 5 };
    const second = { inputTokens: 120, outputTokens: 50, cachedInputTokens: 0, reasoningTokens: 0 };
    expect(mergeReports(first, second)).toEqual(second);
  });
  it('make the same one in any order and however often they come', () => {
    fc.assert(
      fc.property(anyReport, anyReport, anyReport, (a, b, c) => {
        expect(mergeReports(a, b)).toEqual(mergeReports(b, a));
        expect(mergeReports(mergeReports(a, b), c)).toEqual(mergeReports(a, mergeReports(b, c)));
        expect(mergeReports(mergeReports(a, b), b)).toEqual(mergeReports(a, b));
      }),
    );
  });
});

function report([
  inputTokens,
  outputTokens,
  cachedInputTokens = 0,
  reasoningTokens = 0,
  details,
]: Expected): UsageReport | null {
  if (inputTokens === null && outputTokens === null) return null;
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens,
    reasoningTokens,
    ...(details !== undefined && { details: { ...NO_DETAILS, ...details } }),
  };
}

/** A report without what is kept only for merging. */
function plain(read: UsageReport | null): UsageReport | null {
  if (read === null) return null;
  const { apart: _kept, ...rest } = read;
  return rest;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 1_000_000_000;
}

const count = fc.nat(1_000_000);
const value = fc.oneof(
  count,
  count.map(String),
  fc.jsonValue(),
  fc.constantFrom(null, -1, 0.5, NaN, Infinity, -0, 1e9, 1e9 + 1, 2 ** 53, '1e3', '٣'),
);
const details = fc.oneof(value, fc.record({ cached_tokens: value, reasoning_tokens: value }, { requiredKeys: [] }));
const NAMES = [
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'input_tokens',
  'output_tokens',
  'cached_tokens',
  'num_cached_tokens',
  'prompt_cache_hit_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'reasoning_tokens',
  'citation_tokens',
  'num_search_queries',
  'prompt_audio_seconds',
];
const DETAILS = [
  'prompt_tokens_details',
  'prompt_token_details',
  'input_tokens_details',
  'completion_tokens_details',
  'output_tokens_details',
];
const anyUsage = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      Object.fromEntries([...NAMES.map((name) => [name, value]), ...DETAILS.map((name) => [name, details])]),
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: fc.anything() },
);
const anyReport = anyUsage.map(readUsage);
