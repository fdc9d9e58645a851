import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeReports } from './merge-reports.js';
import { readUsage, reportIn } from './reported-usage.js';
import { NO_DETAILS, type TokenUsage, type UsageDetails } from './token-usage.js';
import { cutUsage, usageClasses, type UsageClasses } from './usage-classes.js';
import type { UsageReport } from './usage-report.js';

const NONE: UsageClasses = {
  textInputTokens: 0,
  audioInputTokens: 0,
  imageInputTokens: 0,
  cachedTextTokens: 0,
  cachedAudioTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  textOutputTokens: 0,
  reasoningTokens: 0,
  audioOutputTokens: 0,
  imageOutputTokens: 0,
};

/** A report whose two sides were told, as a usage. */
function usageOf(report: UsageReport | null): TokenUsage {
  expect(report).not.toBeNull();
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, details } = report!;
  const usage = { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0, cachedInputTokens, reasoningTokens };
  return details === undefined ? usage : { ...usage, details };
}

const sumOf = (classes: UsageClasses): [input: number, output: number] => [
  classes.textInputTokens +
    classes.audioInputTokens +
    classes.imageInputTokens +
    classes.cachedTextTokens +
    classes.cachedAudioTokens +
    classes.cacheWrite5mTokens +
    classes.cacheWrite1hTokens,
  classes.textOutputTokens + classes.reasoningTokens + classes.audioOutputTokens + classes.imageOutputTokens,
];

describe('the classes of a usage', () => {
  it.each<[string, unknown, Partial<UsageClasses>]>([
    [
      'Anthropic’s writes to a cache, beside the input',
      { input_tokens: 3, cache_creation_input_tokens: 12304, cache_read_input_tokens: 0, output_tokens: 10 },
      { textInputTokens: 3, cacheWrite5mTokens: 12304, textOutputTokens: 10 },
    ],
    [
      'the same under OpenAI’s names, missing in the input though not in the total',
      { prompt_tokens: 3, completion_tokens: 10, total_tokens: 12317, cache_creation_input_tokens: 12304 },
      { textInputTokens: 3, cacheWrite5mTokens: 12304, textOutputTokens: 10 },
    ],
    [
      'the same under OpenAI’s names, missing in both',
      { prompt_tokens: 3, completion_tokens: 10, total_tokens: 13, cache_creation_input_tokens: 12304 },
      { textInputTokens: 3, cacheWrite5mTokens: 12304, textOutputTokens: 10 },
    ],
    [
      'the same under OpenAI’s names, within the input',
      { prompt_tokens: 12307, completion_tokens: 10, total_tokens: 12317, cache_creation_input_tokens: 12304 },
      { textInputTokens: 3, cacheWrite5mTokens: 12304, textOutputTokens: 10 },
    ],
    [
      'OpenAI’s writes to a cache, a slice of the input',
      {
        prompt_tokens: 5000,
        completion_tokens: 20,
        total_tokens: 5020,
        prompt_tokens_details: { cached_tokens: 1024, cache_write_tokens: 3500 },
      },
      { textInputTokens: 476, cachedTextTokens: 1024, cacheWrite5mTokens: 3500, textOutputTokens: 20 },
    ],
    [
      'the same in OpenAI’s Responses',
      {
        input_tokens: 5000,
        input_tokens_details: { cached_tokens: 1024, cache_write_tokens: 3500 },
        output_tokens: 20,
        output_tokens_details: { reasoning_tokens: 5 },
        total_tokens: 5020,
      },
      {
        textInputTokens: 476,
        cachedTextTokens: 1024,
        cacheWrite5mTokens: 3500,
        textOutputTokens: 15,
        reasoningTokens: 5,
      },
    ],
    [
      'writes for an hour, for five minutes, and 500 that are in neither part',
      {
        input_tokens: 10,
        output_tokens: 1,
        cache_creation_input_tokens: 5000,
        cache_creation: { ephemeral_5m_input_tokens: 500, ephemeral_1h_input_tokens: 4000 },
      },
      { textInputTokens: 10, cacheWrite5mTokens: 1000, cacheWrite1hTokens: 4000, textOutputTokens: 1 },
    ],
    [
      'writes that only their parts tell',
      {
        input_tokens: 10,
        output_tokens: 1,
        cache_creation: { ephemeral_5m_input_tokens: '500', ephemeral_1h_input_tokens: 4000.0 },
      },
      { textInputTokens: 10, cacheWrite5mTokens: 500, cacheWrite1hTokens: 4000, textOutputTokens: 1 },
    ],
    [
      'zeros, nulls and negative zeros beside numbers',
      {
        input_tokens: 7,
        output_tokens: 3,
        cache_creation_input_tokens: null,
        cache_read_input_tokens: -0,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
        server_tool_use: { web_search_requests: 0 },
        service_tier: 'standard',
      },
      { textInputTokens: 7, textOutputTokens: 3 },
    ],
    [
      'Anthropic’s names beside OpenAI’s details and a total that fits',
      {
        input_tokens: 1250,
        input_tokens_details: { cached_tokens: 1000 },
        cache_read_input_tokens: 1000,
        output_tokens: 30,
        total_tokens: 1280,
      },
      { textInputTokens: 250, cachedTextTokens: 1000, textOutputTokens: 30 },
    ],
    [
      'sound and images, in and out',
      {
        prompt_tokens: 1000,
        completion_tokens: 500,
        total_tokens: 1500,
        prompt_tokens_details: { audio_tokens: 300, image_tokens: 200, cached_tokens: 100, text_tokens: 400 },
        completion_tokens_details: { audio_tokens: 350, image_tokens: 20, reasoning_tokens: 64 },
      },
      {
        textInputTokens: 400,
        audioInputTokens: 300,
        imageInputTokens: 200,
        cachedTextTokens: 100,
        textOutputTokens: 66,
        reasoningTokens: 64,
        audioOutputTokens: 350,
        imageOutputTokens: 20,
      },
    ],
    [
      'cached sound that is told',
      {
        input_tokens: 200,
        input_tokens_details: { audio_tokens: 150, cached_tokens: 90, cached_tokens_details: { audio_tokens: 80 } },
        output_tokens: 1,
        total_tokens: 201,
      },
      { textInputTokens: 40, audioInputTokens: 70, cachedTextTokens: 10, cachedAudioTokens: 80, textOutputTokens: 1 },
    ],
    [
      'cached sound that only the numbers tell',
      {
        prompt_tokens: 200,
        completion_tokens: 1,
        total_tokens: 201,
        prompt_tokens_details: { audio_tokens: 150, cached_tokens: 100 },
      },
      { audioInputTokens: 100, cachedTextTokens: 50, cachedAudioTokens: 50, textOutputTokens: 1 },
    ],
  ])('are read from %s', (_what, usage, expected) => {
    const read = usageOf(readUsage(usage));
    expect(usageClasses(read)).toEqual({ ...NONE, ...expected });
  });

  it('add up to the sides, and are no less than nothing, whatever the parts say', () => {
    fc.assert(
      fc.property(anyTokenUsage, (usage) => {
        const classes = usageClasses(usage);
        expect(sumOf(classes)).toEqual([usage.inputTokens, usage.outputTokens]);
        for (const tokens of Object.values(classes)) expect(tokens).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('never grow when a side is cut', () => {
    fc.assert(
      fc.property(anyTokenUsage, fc.nat(2_000), fc.nat(2_000), (usage, inputMax, outputMax) => {
        const cut = cutUsage(usage, inputMax, outputMax);
        expect(cut.inputTokens).toBe(Math.min(usage.inputTokens, inputMax));
        expect(cut.outputTokens).toBe(Math.min(usage.outputTokens, outputMax));
        const before = usageClasses(usage);
        for (const [name, tokens] of Object.entries(usageClasses(cut)))
          expect(tokens, name).toBeLessThanOrEqual(before[name as keyof UsageClasses]);
        expect([cut.details?.toolCalls, cut.details?.passes]).toEqual([
          usage.details?.toolCalls,
          usage.details?.passes,
        ]);
      }),
    );
  });
});

describe('the usage of a stream', () => {
  const told = (...events: unknown[]) =>
    usageOf(events.map(reportIn).reduce<UsageReport | null>((merged, each) => mergeReports(merged, each), null));

  it('is cumulative in Anthropic’s: the last value of a field counts, and an absent one keeps the value before', () => {
    const start = { type: 'message_start', message: { usage: { input_tokens: 27, output_tokens: 1 } } };
    const delta = (usage: object) => ({ type: 'message_delta', delta: {}, usage });
    expect(told(start, delta({ input_tokens: 27, output_tokens: 12 }), delta({ output_tokens: 47 }))).toEqual({
      inputTokens: 27,
      outputTokens: 47,
      cachedInputTokens: 0,
      reasoningTokens: 0,
    });
    const cached = {
      type: 'message_start',
      message: { usage: { input_tokens: 3, cache_creation_input_tokens: 12304, output_tokens: 1 } },
    };
    for (const usage of [
      { output_tokens: 47 },
      { input_tokens: 3, output_tokens: 47 },
      { input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 47 },
    ])
      expect(usageClasses(told(cached, delta(usage)))).toEqual({
        ...NONE,
        textInputTokens: 3,
        cacheWrite5mTokens: 12304,
        textOutputTokens: 47,
      });
    // Later events may be the first to tell of the cache.
    expect(usageClasses(told(start, delta({ cache_read_input_tokens: 1000, output_tokens: 5 })))).toEqual({
      ...NONE,
      textInputTokens: 27,
      cachedTextTokens: 1000,
      textOutputTokens: 5,
    });
  });

  it('has the classes of the plain reply, in Anthropic’s form, wherever its fields are told', () => {
    const fields = fc.record(
      {
        input_tokens: fc.nat(5_000),
        cache_read_input_tokens: fc.nat(5_000),
        cache_creation_input_tokens: fc.nat(5_000),
        output_tokens: fc.nat(5_000),
        service_tier: fc.constantFrom('standard', 'priority'),
        cache_creation: fc.record({
          ephemeral_5m_input_tokens: fc.nat(2_000),
          ephemeral_1h_input_tokens: fc.nat(2_000),
        }),
        server_tool_use: fc.record({ web_search_requests: fc.nat(5) }),
      },
      { requiredKeys: ['input_tokens', 'output_tokens'] },
    );
    fc.assert(
      fc.property(fields, fc.array(fc.nat(2), { minLength: 8, maxLength: 8 }), (usage, places) => {
        const events: Record<string, unknown>[] = [{}, {}, {}];
        Object.entries(usage).forEach(([name, value], at) => {
          // From its event on, each later one repeats a field or leaves it out.
          for (let event = places[at]!; event < 3; event += 1 + (places[(at + event) % 8]! % 2))
            events[event]![name] = value;
        });
        const [start, ...deltas] = events;
        const streamed = told(
          { type: 'message_start', message: { usage: start } },
          ...deltas.map((each) => ({ type: 'message_delta', usage: each })),
        );
        const plain = usageOf(reportIn({ type: 'message', content: [], usage }));
        expect(usageClasses(streamed)).toEqual(usageClasses(plain));
        expect(streamed).toEqual(plain);
      }),
    );
  });

  it('has the report, the tier and the calls of tools of the last event of OpenAI’s Responses', () => {
    const usage = { input_tokens: 100, output_tokens: 20, total_tokens: 120 };
    const output = [
      { type: 'web_search_call', id: 'ws_1' },
      { type: 'message', content: [] },
      { type: 'web_search_call', id: 'ws_2' },
      { type: 'function_call', name: 'f' },
      { type: 'file_search_call' },
    ];
    const plain = reportIn({ object: 'response', status: 'completed', output, usage, service_tier: 'priority' });
    expect(usageOf(plain).details).toEqual({
      ...NO_DETAILS,
      serviceTier: 'priority',
      toolCalls: { web_search: 2, file_search: 1 },
    });
    const streamed = told(
      { type: 'response.created', response: { status: 'in_progress', usage: null, service_tier: 'auto' } },
      { type: 'response.completed', response: { status: 'completed', output, usage, service_tier: 'priority' } },
    );
    expect(streamed).toEqual(usageOf(plain));
    // What was asked for is not what was served.
    expect(
      told(
        { type: 'response.created', response: { usage: null, service_tier: 'priority' } },
        { type: 'response.completed', response: { output: [], usage, service_tier: 'default' } },
      ).details,
    ).toBeUndefined();
  });
});

describe('what a call used besides', () => {
  const passesOf = (usage: object) => usageOf(readUsage(usage)).details?.passes ?? [];

  it('is each compaction and each word of an advisor, with its own cache, and nothing that the totals have', () => {
    const usage = {
      input_tokens: 23000,
      output_tokens: 1000,
      iterations: [
        { type: 'compaction', input_tokens: 180000, output_tokens: 3500 },
        { type: 'message', input_tokens: 23000, output_tokens: 1000 },
        {
          type: 'advisor_message',
          model: 'claude-opus-4-8',
          input_tokens: 500,
          cache_read_input_tokens: 9000,
          cache_creation_input_tokens: 700,
          cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 600 },
          output_tokens: 80,
        },
      ],
    };
    const read = usageOf(readUsage(usage));
    expect([read.inputTokens, read.outputTokens]).toEqual([23000, 1000]);
    expect(passesOf(usage)).toEqual([
      {
        kind: 'compaction',
        model: null,
        usage: { inputTokens: 180000, outputTokens: 3500, cachedInputTokens: 0, reasoningTokens: 0 },
      },
      {
        kind: 'advisor_message',
        model: 'claude-opus-4-8',
        usage: {
          inputTokens: 10200,
          outputTokens: 80,
          cachedInputTokens: 9000,
          reasoningTokens: 0,
          details: { ...NO_DETAILS, cacheWrite5mTokens: 100, cacheWrite1hTokens: 600 },
        },
      },
    ]);
  });

  it('names the model that answered after another was declined, whose pass is no other one', () => {
    const usage = {
      input_tokens: 2,
      output_tokens: 13658,
      cache_read_input_tokens: 79214,
      iterations: [
        { type: 'message', model: 'claude-fable-5', input_tokens: 2, output_tokens: 578 },
        { type: 'fallback_message', model: 'claude-opus-4-8', input_tokens: 2, output_tokens: 13658 },
      ],
    };
    expect(usageOf(readUsage(usage)).details).toEqual({ ...NO_DETAILS, servedModel: 'claude-opus-4-8' });
  });

  it('never loses a pass that is not known, nor more passes than an event has room for', () => {
    const pass = { type: 'later_kind', input_tokens: 10, output_tokens: 1 };
    expect(passesOf({ input_tokens: 1, output_tokens: 1, iterations: [pass] })).toHaveLength(1);
    const many = passesOf({ input_tokens: 1, output_tokens: 1, iterations: Array<object>(500).fill(pass) });
    expect(many).toEqual([
      {
        kind: 'later_kind',
        model: null,
        usage: { inputTokens: 5000, outputTokens: 500, cachedInputTokens: 0, reasoningTokens: 0 },
      },
    ]);
    for (const iterations of [null, 'x', [null, 3, 'x', {}], {}])
      expect(passesOf({ input_tokens: 1, output_tokens: 1, iterations })).toEqual([]);
  });

  it.each<[string, object, Partial<UsageDetails>]>([
    [
      'Anthropic’s searches and pages',
      { server_tool_use: { web_search_requests: 2, web_fetch_requests: '1', code_execution_requests: 0 } },
      { toolCalls: { web_search: 2, web_fetch: 1 } },
    ],
    [
      'xAI’s searches',
      { server_side_tool_usage_details: { web_search_calls: 3, x_search_calls: 0 } },
      { toolCalls: { web_search: 3 } },
    ],
    [
      'the speed and the place',
      { speed: 'fast', inference_geo: 'us', service_tier: 'priority' },
      { speed: 'fast', inferenceGeo: 'us', serviceTier: 'priority' },
    ],
  ])('is read from %s', (_what, usage, expected) => {
    expect(usageOf(readUsage({ input_tokens: 1, output_tokens: 1, ...usage })).details).toEqual({
      ...NO_DETAILS,
      ...expected,
    });
  });

  it('is nothing where the words are the usual ones, or no words', () => {
    for (const words of [
      { service_tier: 'standard', speed: 'standard', inference_geo: 'not_available' },
      { service_tier: 'default' },
      { service_tier: 'auto', speed: null, inference_geo: 'global' },
      { service_tier: 3, speed: 'a\u0000b', inference_geo: 'x'.repeat(100) },
      { server_tool_use: null, iterations: null },
      { server_tool_use: { __proto__: 3, Web: 4, 'a b': 1, constructor: 'x' } },
    ])
      expect(readUsage({ prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, ...words })).not.toHaveProperty(
        'details',
      );
  });

  it('is the later word of two reports, and of each tool the larger number of calls', () => {
    const first = readUsage({
      input_tokens: 1,
      output_tokens: 1,
      service_tier: 'priority',
      server_tool_use: { web_search_requests: 1, constructor_requests: 2 },
    });
    const second = readUsage({
      input_tokens: 1,
      output_tokens: 2,
      speed: 'fast',
      service_tier: 'flex',
      server_tool_use: { web_search_requests: 3 },
    });
    expect(mergeReports(first, second)?.details).toEqual({
      ...NO_DETAILS,
      serviceTier: 'flex',
      speed: 'fast',
      toolCalls: { web_search: 3, constructor: 2 },
    });
  });
});

const tokens = fc.nat(1_000);
const anyTokenUsage: fc.Arbitrary<TokenUsage> = fc
  .record(
    {
      inputTokens: tokens,
      outputTokens: tokens,
      cachedInputTokens: tokens,
      reasoningTokens: tokens,
      details: fc.record({
        cacheWrite5mTokens: tokens,
        cacheWrite1hTokens: tokens,
        audioInputTokens: tokens,
        imageInputTokens: tokens,
        cachedAudioInputTokens: tokens,
        audioOutputTokens: tokens,
        imageOutputTokens: tokens,
        toolCalls: fc.constant({ web_search: 1 }),
        passes: fc.constant([]),
        serviceTier: fc.constant(null),
        speed: fc.constant(null),
        inferenceGeo: fc.constant(null),
        servedModel: fc.constant(null),
      }),
    },
    { requiredKeys: ['inputTokens', 'outputTokens', 'cachedInputTokens', 'reasoningTokens'] },
  )
  .map((usage) => usage as TokenUsage);
