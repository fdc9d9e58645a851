import { describe, expect, it } from 'vitest';
import { readCsvReport } from './csv-report.js';
import { decimalUsd } from './decimal-usd.js';
import { readJsonReport } from './json-reports.js';
import { REPORT_ROWS_MAX } from './report-row.js';

const DAY_S = 1_795_910_400; // 2026-11-29
const hourAt = (hour: number): string => new Date((DAY_S + hour * 3_600) * 1_000).toISOString();
const openAi = (results: readonly object[], more = false) => ({
  object: 'page',
  data: [{ object: 'bucket', start_time: DAY_S, end_time: DAY_S + 86_400, results }],
  has_more: more,
  next_page: more ? 'page_2' : null,
});
const anthropic = (results: readonly object[]) => ({
  data: [{ starting_at: '2026-11-29T00:00:00Z', ending_at: '2026-11-30T00:00:00Z', results }],
  has_more: false,
  next_page: null,
});

describe('an amount of a provider', () => {
  it.each([
    ['0.06', 0, 60_000_000n],
    [0.06, 0, 60_000_000n],
    [1e-9, 0, 1n],
    [2.5e-10, 0, 0n],
    [5e-10, 0, 1n],
    ['0.130080000000000000000000000000', 0, 130_080_000n],
    // Anthropic reports cents: "123.45" is 1.23 USD.
    ['123.45', 2, 1_234_500_000n],
    ['123.78912', 2, 1_237_891_200n],
    ['0.00000049', 2, 5n],
    ['-2.5', 0, -2_500_000_000n],
    ['999999999999', 0, 999_999_999_999_000_000_000n],
  ])('%s with %i decimals in its unit is %s nano-USD', (amount, digits, nanoUsd) =>
    expect(decimalUsd(amount, digits)).toBe(nanoUsd),
  );
  it.each(['', 'NaN', '1,5', '1e5', '0x1', '--1', Number.NaN, Infinity])('%s is none', (amount) =>
    expect(decimalUsd(amount)).toBeNull(),
  );
});

describe('a report of a provider (H4)', () => {
  it.each([
    [
      'openai_usage',
      openAi([
        {
          object: 'organization.usage.completions.result',
          input_tokens: 1_000,
          input_cached_tokens: 900,
          output_tokens: 50,
          num_model_requests: 3,
          model: 'gpt-4o-mini-2024-07-18',
        },
      ]),
      // The cache stands inside of the input.
      { model: 'gpt-4o-mini-2024-07-18', costNanoUsd: null, inputTokens: 1_000, outputTokens: 50, requests: 3 },
    ],
    [
      'openai_costs',
      openAi([
        {
          object: 'organization.costs.result',
          amount: { value: 0.06, currency: 'usd' },
          line_item: 'gpt-4o-mini-2024-07-18, input',
          project_id: null,
        },
      ]),
      { model: 'gpt-4o-mini-2024-07-18', costNanoUsd: 60_000_000n, inputTokens: null },
    ],
    [
      'openai_costs',
      openAi([{ amount: { value: '0.5', currency: 'usd' }, line_item: 'web search tool calls' }]),
      { model: null, costNanoUsd: 500_000_000n },
    ],
    [
      'anthropic_usage',
      anthropic([
        {
          uncached_input_tokens: 100,
          cache_creation: { ephemeral_1h_input_tokens: 20, ephemeral_5m_input_tokens: 10 },
          cache_read_input_tokens: 900,
          output_tokens: 7,
          server_tool_use: { web_search_requests: 1 },
          model: 'claude-sonnet-5',
          service_tier: 'standard',
        },
      ]),
      // The parts of the input stand beside each other.
      { model: 'claude-sonnet-5', inputTokens: 1_030, outputTokens: 7, requests: null },
    ],
    [
      'anthropic_costs',
      anthropic([{ currency: 'USD', amount: '123.45', model: 'claude-sonnet-5', cost_type: 'tokens' }]),
      { model: 'claude-sonnet-5', costNanoUsd: 1_234_500_000n },
    ],
    [
      'anthropic_costs',
      anthropic([{ currency: 'USD', amount: '1', model: null, cost_type: 'web_search' }]),
      { model: null, costNanoUsd: 10_000_000n },
    ],
  ] as const)('in the form %s is read', (format, report, row) => {
    const read = readJsonReport(format, report);
    expect(read).toMatchObject({ kind: 'rows', rows: [{ day: '2026-11-29', ...row }] });
  });

  it('may have several pages, of which only the last has no following one', () => {
    const result = { amount: { value: 1, currency: 'usd' }, line_item: null };
    const next = { ...openAi([result]), data: [{ start_time: DAY_S + 86_400, results: [result] }] };
    const pages = [openAi([result], true), next];
    expect(readJsonReport('openai_costs', pages)).toMatchObject({ kind: 'rows', rows: { length: 2 } });
    expect(readJsonReport('openai_costs', pages.slice(0, 1))).toMatchObject({ field: 'report[0].has_more' });
    expect(readJsonReport('openai_costs', pages[0])).toMatchObject({ field: 'report.has_more' });
  });

  it.each([
    ['openai_costs', [], 'report'],
    ['openai_costs', null, 'report'],
    ['openai_costs', { data: [{ start_time: 2 ** 52, results: [] }] }, 'report.data.0.start_time'],
    ['anthropic_costs', { data: [{ starting_at: '0000-01-01T00:00:00Z', results: [] }] }, 'report.data.0.starting_at'],
    ['openai_costs', { data: 'x' }, 'report.data'],
    ['openai_costs', anthropic([]), 'report.data.0.start_time'],
    ['openai_costs', openAi([{ amount: { value: 1, currency: 'eur' }, line_item: null }]), 'report.data.0.results.0'],
    ['openai_costs', openAi([{ amount: { value: 'many', currency: 'usd' } }]), 'report.data.0.results.0'],
    ['openai_usage', openAi([{ input_tokens: -1 }]), 'report.data.0.results.0'],
    ['openai_usage', openAi([{ input_tokens: 2 ** 53 }]), 'report.data.0.results.0'],
    ['openai_usage', openAi([{ input_tokens: 0.5 }]), 'report.data.0.results.0'],
    ['anthropic_costs', anthropic([{ currency: 'USD', amount: 1.5 }]), 'report.data.0.results.0'],
  ] as const)('that is none of the form %s is refused with its place', (format, report, field) => {
    expect(readJsonReport(format, report)).toMatchObject({ kind: 'invalid', field });
  });
});

describe('the days of a report', () => {
  const cost = { amount: { value: 1, currency: 'usd' } };
  const openAiDay = (day: number, results: readonly object[], days = 1) => ({
    start_time: DAY_S + day * 86_400,
    end_time: DAY_S + (day + days) * 86_400,
    results,
  });
  const anthropicDay = (from: string, to: string, results: readonly object[] = []) => ({
    starting_at: from,
    ending_at: to,
    results,
  });
  it.each([
    [
      'its first buckets are empty',
      'openai_costs',
      [openAiDay(0, []), openAiDay(1, [cost])],
      '2026-11-29',
      '2026-11-30',
    ],
    [
      'its last buckets are empty',
      'openai_costs',
      [openAiDay(0, [cost]), openAiDay(1, []), openAiDay(2, [])],
      '2026-11-29',
      '2026-12-01',
    ],
    ['all are empty', 'openai_usage', [openAiDay(0, []), openAiDay(1, [])], '2026-11-29', '2026-11-30'],
    ['a bucket has no end', 'openai_costs', [{ start_time: DAY_S, results: [] }], '2026-11-29', '2026-11-29'],
    [
      'its hours are all those of a day',
      'anthropic_usage',
      Array.from({ length: 24 }, (_, hour) => anthropicDay(hourAt(hour), hourAt(hour + 1))),
      '2026-11-29',
      '2026-11-29',
    ],
    [
      'its days have an offset',
      'anthropic_costs',
      [anthropicDay('2026-11-29T01:00:00+01:00', '2026-11-30T01:00:00+01:00')],
      '2026-11-29',
      '2026-11-29',
    ],
    ['they come in another order', 'openai_costs', [openAiDay(2, []), openAiDay(0, [])], '2026-11-29', '2026-12-01'],
  ] as const)('are all that it asked for where %s', (_, format, data, firstDay, lastDay) => {
    expect(readJsonReport(format, { data, has_more: false })).toMatchObject({ kind: 'rows', firstDay, lastDay });
  });
  it.each([
    ['a bucket has several days', 'openai_costs', [openAiDay(0, [cost], 7)], 0, 'must not reach into another day'],
    ['an end is before its start', 'openai_costs', [openAiDay(0, [cost], -1)], 0, 'must end after its beginning'],
    ['a bucket has no time', 'openai_costs', [openAiDay(0, [cost], 0)], 0, 'must end after its beginning'],
    [
      'a day comes twice',
      'openai_costs',
      [openAiDay(0, [cost]), openAiDay(1, []), openAiDay(0, [cost])],
      2,
      'must be about another time than report.data.0',
    ],
    [
      'its first bucket begins when it was asked for',
      'openai_usage',
      [{ start_time: DAY_S + 60, end_time: DAY_S + 86_400, results: [] }, openAiDay(1, [])],
      0,
      'must not begin inside of a day',
    ],
    [
      'its last bucket ends when it was asked for',
      'openai_usage',
      [openAiDay(0, []), { start_time: DAY_S + 86_400, end_time: DAY_S + 90_000, results: [] }],
      1,
      'must not end inside of a day',
    ],
    [
      'its hours are cut off',
      'anthropic_usage',
      Array.from({ length: 23 }, (_, hour) => anthropicDay(hourAt(hour), hourAt(hour + 1))),
      22,
      'must not end inside of a day',
    ],
    [
      'an hour is missing',
      'anthropic_usage',
      [0, 1, 3].map((hour) => anthropicDay(hourAt(hour), hourAt(hour + 1))),
      1,
      'must not end inside of a day',
    ],
    [
      'its days are those of another zone',
      'anthropic_costs',
      [anthropicDay('2026-11-29T00:00:00+02:00', '2026-11-30T00:00:00+02:00')],
      0,
      'must not reach into another day',
    ],
  ] as const)('are whole, and each there once: refused where %s', (_, format, data, at, message) => {
    expect(readJsonReport(format, { data, has_more: false })).toMatchObject({
      kind: 'invalid',
      field: `report.data.${at}`,
      message: expect.stringContaining(message),
    });
  });
  it('come twice on two pages neither', () => {
    const page = openAi([cost]);
    expect(readJsonReport('openai_costs', [page, page])).toMatchObject({ field: 'report[1].data.0' });
  });
  it.each([
    ['openai_usage', { data: [], has_more: false }],
    ['anthropic_costs', [{ data: [], has_more: false }]],
  ] as const)('are one at least', (format, report) => {
    expect(readJsonReport(format, report)).toMatchObject({
      field: 'report',
      message: 'must be about one day at least',
    });
  });
});

describe('counts of a report', () => {
  const most = Number.MAX_SAFE_INTEGER;
  it.each([
    ['JSON', () => readJsonReport('openai_usage', openAi([{ input_tokens: most }, { input_tokens: 1 }]))],
    [
      'parts of an input',
      () =>
        readJsonReport(
          'anthropic_usage',
          anthropic([{ uncached_input_tokens: most, cache_read_input_tokens: most, output_tokens: 0 }]),
        ),
    ],
    [
      'requests',
      () => readJsonReport('openai_usage', openAi([1, 2].map(() => ({ input_tokens: 1, num_model_requests: most })))),
    ],
    ['CSV', () => readCsvReport(`date,model,cost_usd,output_tokens\n${'2026-11-29,m,1,999999999999999\n'.repeat(20)}`)],
  ])('that are not exact in all are refused: %s', (_, read) => {
    expect(read()).toMatchObject({ kind: 'invalid', message: `must have counts of at most ${most} in all` });
  });
  it('that are exact in all are taken', () => {
    expect(readJsonReport('openai_usage', openAi([{ input_tokens: most - 1 }, { input_tokens: 1 }]))).toMatchObject({
      kind: 'rows',
    });
  });
});

describe('a report as CSV', () => {
  it('has its columns in any order, quotes, line ends of each kind and a byte order mark', () => {
    const text =
      '\ufeffmodel,date,cost_usd,requests\r\n"a ""b"", c",2026-11-29,1.5,\r\ngpt-4o-mini,2026-11-30,-0.000000001,2\n\n';
    expect(readCsvReport(text)).toEqual({
      kind: 'rows',
      firstDay: '2026-11-29',
      lastDay: '2026-11-30',
      rows: [
        {
          day: '2026-11-29',
          model: 'a "b", c',
          costNanoUsd: 1_500_000_000n,
          inputTokens: null,
          outputTokens: null,
          requests: null,
        },
        {
          day: '2026-11-30',
          model: 'gpt-4o-mini',
          costNanoUsd: -1n,
          inputTokens: null,
          outputTokens: null,
          requests: 2,
        },
      ],
    });
  });

  it.each([
    ['', 'a line of columns'],
    ['date,model,cost_usd\n', 'one line at least'],
    ['date,model\n2026-11-29,m', 'cost_usd is missing'],
    ['date,model,cost_usd,price\n', 'one line at least'],
    ['date,model,cost_usd,price\n2026-11-29,m,1,1', 'no other columns'],
    ['date,model,cost_usd,model\n2026-11-29,m,1,m', 'each column once: model'],
    ['date,model,cost_usd\n2026-02-30,m,1', 'date must be a day'],
    ['date,model,cost_usd\n29.11.2026,m,1', 'date must be a day'],
    ['date,model,cost_usd\n0000-01-01,m,1', 'date must be a day'],
    ['date,model,cost_usd\n2026-11-29,m,1e5', 'cost_usd must be a decimal'],
    ['date,model,cost_usd\n2026-11-29,m,NaN', 'cost_usd must be a decimal'],
    ['date,model,cost_usd\n2026-11-29,m', 'must have 3 cells, and has 2'],
    ['date,model,cost_usd,requests\n2026-11-29,m,1,-1', 'requests must be a whole number'],
    ['date,model,cost_usd\n2026-11-29,"m,1', 'close each quote'],
    [`date,model,cost_usd\n${'2026-11-29,m,1\n'.repeat(REPORT_ROWS_MAX + 1)}`, 'at most 100000 lines'],
  ])('%j is refused: %s', (text, message) => {
    const read = readCsvReport(text);
    expect(read.kind).toBe('invalid');
    expect(read.kind === 'invalid' ? read.message : '').toContain(message);
  });
});
