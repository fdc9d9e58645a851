import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig, PriceBook } from './index.js';

const at = (text: string): number => Date.parse(text);
const NOW = at('2026-11-29T12:00:00Z');

const parse = (lines: string, provider = '{name: mine, base_url: "https://api.openai.com/v1"}') =>
  parseConfig(
    `providers:\n  - ${provider}\nroutes:\n  - {name: "*", targets: [{provider: mine, model: "*"}]}\n${lines}`,
    { path: 'config.yaml', lookup: () => undefined },
  );
const bookOf = (lines = '', provider?: string) => new PriceBook(parse(lines, provider));
const price = (fields: string) => `prices:\n  - {provider: mine, ${fields}}\n`;
const own = (usd: number, more = '') => `input_usd_per_million: ${usd}, output_usd_per_million: ${usd}${more}`;
const inputOf = (book: PriceBook, model: string, now = NOW) => {
  const input = book.at('mine', model, now).price?.inputNanoUsdPerMillion;
  return input === undefined ? null : Number(input) / 1e9;
};
const problemsOf = (lines: string): string[] => {
  try {
    parse(lines);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ line, field, message }) => `${line} ${field}: ${message}`);
    throw error;
  }
  return [];
};

describe('the price of a model that nobody wrote down', () => {
  it.each([
    ['by the host of OpenAI', '{name: mine, base_url: "https://api.openai.com/v1"}', 0.15],
    ['by an explicit source', '{name: mine, base_url: "http://127.0.0.1:9/v1", source: openai}', 0.15],
    ['by the host of Azure', '{name: mine, base_url: "https://x.openai.azure.com/openai/v1", type: azure}', 0.15],
    ['not by a name that says OpenAI', '{name: mine, base_url: "https://openai.example.com/v1"}', null],
    ['not by a host that only ends like one', '{name: mine, base_url: "https://evil-api.openai.com.example/v1"}', null],
    ['not where the source is none', '{name: mine, base_url: "https://api.openai.com/v1", source: none}', null],
  ])('is known %s', (_how, provider, usd) => expect(inputOf(bookOf('', provider), 'gpt-4o-mini')).toBe(usd));

  it('is not found by the name of the provider', () => {
    const book = new PriceBook(
      parseConfig(
        'providers:\n  - {name: my-openai-compatible, base_url: "https://llm.example/v1"}\nroutes:\n  - {name: m, targets: [{provider: my-openai-compatible, model: gpt-4o}]}\n',
        { path: 'config.yaml', lookup: () => undefined },
      ),
    );
    expect(book.at('my-openai-compatible', 'gpt-4o', NOW)).toEqual({ price: null, match: null, untilMs: Infinity });
  });

  it('gives way to an entry of the file, and stands in for one that does not count now', () => {
    const book = bookOf(price(`model: gpt-4o-mini, ${own(7)}, valid_from: 2027-01-01, valid_until: 2027-02-01`));
    expect(inputOf(book, 'gpt-4o-mini')).toBe(0.15);
    expect(inputOf(book, 'gpt-4o-mini', at('2027-01-01T00:00:00Z'))).toBe(7);
    expect(inputOf(book, 'gpt-4o-mini', at('2027-01-31T23:59:59.999Z'))).toBe(7);
    expect(inputOf(book, 'gpt-4o-mini', at('2027-02-01T00:00:00Z'))).toBe(0.15);
    expect(book.at('mine', 'gpt-4o-mini', NOW).untilMs).toBe(at('2027-01-01T00:00:00Z'));
  });

  it('is the default price of the file where there is none, and a configured 0 is a price', () => {
    const lines = `default_price: {${own(9)}}\n`;
    expect(inputOf(bookOf(lines), 'something-new')).toBe(9);
    expect(inputOf(bookOf(lines), 'gpt-4o-mini')).toBe(0.15);
    expect(bookOf(lines).at('mine', 'something-new', NOW).match?.origin).toBe('default');
    expect(inputOf(bookOf(price(`model: free, ${own(0)}`)), 'free')).toBe(0);
    expect(inputOf(bookOf(), 'free')).toBeNull();
  });
});

describe('an entry of the file', () => {
  it('counts at its hours, across midnight too, and goes before one without hours', () => {
    const book = bookOf(
      `prices:\n  - {provider: mine, model: m, ${own(2)}, hours: {from: "22:00", until: "06:00"}}\n  - {provider: mine, model: m, ${own(1)}}\n`,
    );
    expect(inputOf(book, 'm', at('2026-11-29T21:59:59Z'))).toBe(1);
    expect(inputOf(book, 'm', at('2026-11-29T22:00:00Z'))).toBe(2);
    expect(inputOf(book, 'm', at('2026-11-30T05:59:59Z'))).toBe(2);
    expect(inputOf(book, 'm', at('2026-11-30T06:00:00Z'))).toBe(1);
    expect(book.at('mine', 'm', at('2026-11-30T05:00:00Z')).untilMs).toBe(at('2026-11-30T06:00:00Z'));
  });

  it('takes the price of a known model, and what it says itself goes before that', () => {
    const book = bookOf(price('model: my-mini, like: openai/gpt-4o-mini, output_usd_per_million: 5'));
    const found = book.at('mine', 'my-mini', NOW);
    expect(found.price).toMatchObject({
      inputNanoUsdPerMillion: 150_000_000n,
      outputNanoUsdPerMillion: 5_000_000_000n,
    });
    expect(found.match).toMatchObject({ origin: 'config', source: 'openai', name: 'my-mini' });
    expect(inputOf(bookOf(price('model: "claude-*", source: anthropic')), 'claude-opus-4-8')).toBe(5);
    expect(inputOf(bookOf(price('model: "claude-*", source: anthropic')), 'claude-nobody')).toBeNull();
  });

  it('without a ceiling has that of the model', () => {
    const ceilingOf = (model: string, more = '') =>
      bookOf(price(`model: "*", ${own(1)}${more}`)).at('mine', model, NOW).price?.maxOutputTokens;
    expect(ceilingOf('gpt-4-turbo')).toBe(4_096);
    expect(ceilingOf('gpt-4.1')).toBe(32_768);
    expect(ceilingOf('gpt-4.1', ', max_output_tokens: 100')).toBe(100);
    expect(ceilingOf('unheard-of')).toBe(16_384);
  });

  it.each([
    ['two without dates', `{${own(1)}}`, `{${own(2)}}`, 'this model of this provider has a price already'],
    [
      'dates that meet',
      `{${own(1)}, valid_until: 2027-01-02}`,
      `{${own(2)}, valid_from: 2027-01-01}`,
      /already: prices\[0\]/,
    ],
    ['a date within none', `{${own(1)}}`, `{${own(2)}, valid_from: 2027-01-01}`, /already: prices\[0\]/],
    [
      'hours that meet',
      `{${own(1)}, hours: {from: "22:00", until: "02:00"}}`,
      `{${own(2)}, hours: {from: "01:00", until: "03:00"}}`,
      /already: prices\[0\]/,
    ],
  ])('is refused with its line for %s', (_what, first, second, message) => {
    const entry = (fields: string) => `  - {provider: mine, model: m, ${fields.slice(1)}\n`;
    const [problem, ...others] = problemsOf(`prices:\n${entry(first)}${entry(second)}`);
    expect(others).toEqual([]);
    expect(problem).toMatch(/^7 prices\[1\]: /);
    expect(problem).toMatch(message);
  });

  it.each([
    ['dates that touch', `{${own(1)}, valid_until: 2027-01-01}`, `{${own(2)}, valid_from: 2027-01-01}`],
    [
      'hours that touch',
      `{${own(1)}, hours: {from: "22:00", until: "02:00"}}`,
      `{${own(2)}, hours: {from: "02:00", until: "03:00"}}`,
    ],
    ['hours beside a whole day', `{${own(1)}}`, `{${own(2)}, hours: {from: "02:00", until: "03:00"}}`],
  ])('is taken with %s', (_what, first, second) => {
    const entry = (fields: string) => `  - {provider: mine, model: m, ${fields.slice(1)}\n`;
    expect(problemsOf(`prices:\n${entry(first)}${entry(second)}`)).toEqual([]);
  });

  it.each([
    ['2027-01-01', '2027-01-01T00:00:00.000Z'],
    ["'2027-01-01T10:00Z'", '2027-01-01T10:00:00.000Z'],
    ["'2027-01-01T10:00:00Z'", '2027-01-01T10:00:00.000Z'],
    ["'2027-01-01T10:00:00.250Z'", '2027-01-01T10:00:00.250Z'],
    ["'2027-01-01T10:00:00.5Z'", '2027-01-01T10:00:00.500Z'],
    ["'2027-01-01T10:00:00+00:00'", '2027-01-01T10:00:00.000Z'],
  ])('is taken with a moment in each form, that of the list of prices too: %s', (text, moment) => {
    const book = bookOf(price(`model: m, ${own(7)}, valid_until: ${text}`));
    const shown = new Date(book.at('mine', 'm', NOW).untilMs).toISOString();
    expect(shown).toBe(moment);
    expect(problemsOf(`prices:\n  - {provider: mine, model: m, ${own(7)}, valid_until: '${shown}'}\n`)).toEqual([]);
  });

  it.each([
    ...[
      'tomorrow',
      "'2027-02-30T00:00:00.000Z'",
      "'2027-01-01T10:00:00+01:00'",
      "'2027-01-01T10:00:00.000'",
      "'2027-01-01T24:00:00.000Z'",
      "'2027-01-01T10:00:00.0000001Z'",
      '2027-02-30',
      "'2027-02-31T00:00:00Z'",
      '2027-04-31',
      '2027-13-01',
      '2027-01-01T24:00Z',
      '2027-02-29',
    ].map((wrong): [string, string] => [
      `${own(1)}, valid_from: ${wrong}`,
      'valid_from: must be a date or a moment in UTC',
    ]),
    [`${own(1)}, valid_until: 2027-06-31`, 'valid_until: must be a date or a moment in UTC'],
    [`${own(1)}, valid_from: 2027-02-01, valid_until: 2027-01-01`, 'valid_until: must be later than valid_from'],
    [`${own(1)}, hours: {from: "25:00", until: "02:00"}`, 'hours.from: must be a time of the day'],
    [`${own(1)}, hours: {from: "02:00", until: "02:00"}`, 'hours: must not end when they begin'],
    ['like: openai/gpt-unheard-of', 'like: no price of "gpt-unheard-of" at openai is known'],
    ['like: nobody/gpt-4o', 'like: must be the name of a source and its model'],
    ['source: mistral', 'source: no price of "m" at mistral is known'],
    ['input_usd_per_million: 1', 'output_usd_per_million: is required'],
    [`${own(1)}, requests_usd: -1`, 'requests_usd: must be a decimal number of USD'],
  ])('is refused with %s', (fields, problem) => {
    expect(problemsOf(price(`model: m, ${fields}`)).join('\n')).toContain(problem);
  });
});
