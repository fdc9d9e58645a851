import { validate } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { parseConfig } from './parse-config.js';
import { PriceBook } from './price-book.js';
import {
  ownPrices,
  PRICE_OVERRIDES_BYTES_MAX,
  PRICE_OVERRIDES_MAX,
  priceOverrideFaults,
  priceOverridesSchema,
  priceVersionWith,
  storedPriceOverrides,
} from './price-overrides.js';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const PROVIDERS = ['ours', 'other'];
const mini = { provider: 'ours', model: 'mini', input_usd_per_million: '1', output_usd_per_million: '2' };
const read = (prices: unknown) => {
  const checked = validate(priceOverridesSchema, prices);
  if (checked.kind === 'invalid') throw new Error(JSON.stringify(checked.faults));
  return checked.value;
};
const stored = (prices: unknown) => storedPriceOverrides(read(prices));
const faults = (prices: unknown) => priceOverrideFaults(read(prices), PROVIDERS);

describe('prices of one organisation', () => {
  it('are stored with exact amounts, whether they came as text or as numbers', () => {
    const { entries, version } = stored([
      {
        ...mini,
        input_usd_per_million: 0.15,
        output_usd_per_million: 1e-9,
        requests_usd: 2,
        tool_calls_usd_per_thousand: { web_search: 10.5 },
        service_tiers: { flex: 0.5 },
      },
    ]);
    expect(entries).toEqual([
      {
        provider: 'ours',
        model: 'mini',
        input_usd_per_million: '0.15',
        output_usd_per_million: '0.000000001',
        requests_usd: '2',
        tool_calls_usd_per_thousand: { web_search: '10.5' },
        service_tiers: { flex: 0.5 },
      },
    ]);
    expect(version).toMatch(/^[0-9a-f]{12}$/);
  });
  it('have the same version if they say the same, and another one if they do not', () => {
    const { output_usd_per_million: output, ...rest } = mini;
    expect(stored([{ output_usd_per_million: output, ...rest, input_usd_per_million: 1 }]).version).toBe(
      stored([mini]).version,
    );
    expect(stored([{ ...mini, input_usd_per_million: '1.000000001' }]).version).not.toBe(stored([mini]).version);
    expect(priceVersionWith('85655c625b91', '0f3a1c5b7d92')).toBe('85655c625b91-0f3a1c5b7d92');
  });
  it.each([
    ['negative', -1],
    ['too fine', 1e-10],
    ['too fine as text', '0.0000000001'],
    ['with an exponent', '1e3'],
    ['too high', 10_000_000],
    ['no number', 'NaN'],
    ['nothing', null],
  ])('are not %s', (_, amount) => {
    const checked = validate(priceOverridesSchema, [{ ...mini, input_usd_per_million: amount }]);
    expect(checked).toMatchObject({ kind: 'invalid', faults: [{ path: [0, 'input_usd_per_million'] }] });
  });
  it.each<[string, object[], (string | number)[], RegExp]>([
    ['a provider that there is not', [{ ...mini, provider: 'nobody' }], ['prices', 0, 'provider'], /no provider/],
    ['one model twice', [mini, mini], ['prices', 1], /has a price already/],
    [
      'one time twice',
      [
        { ...mini, valid_until: '2027-02-01' },
        { ...mini, valid_from: '2027-01-01' },
      ],
      ['prices', 1],
      /prices\[0\]/,
    ],
    [
      'a time that never is',
      [{ ...mini, valid_from: '2027-01-01', valid_until: '2026-01-01' }],
      ['prices', 0, 'valid_until'],
      /later/,
    ],
    [
      'a known model that is none',
      [{ provider: 'ours', model: 'mini', like: 'openai/nobody' }],
      ['prices', 0, 'like'],
      /no price of "nobody" at openai/,
    ],
    [
      'a long context that no call has',
      [{ ...mini, context_tokens: 10, long_context: [{ above_input_tokens: 10 }] }],
      ['prices', 0, 'long_context', 0, 'above_input_tokens'],
      /less than context_tokens/,
    ],
  ])('are refused with %s, as in config.yaml', (_, prices, path, message) => {
    expect(faults(prices)).toEqual([{ path, message: expect.stringMatching(message) as string }]);
  });
  it('are bounded in number and in bytes, so that the record of the organisation stays small', () => {
    const many = (count: number, more: object = {}) =>
      Array.from({ length: count }, (_, n) => ({ ...mini, model: `model-${n}`, ...more }));
    expect(faults(many(PRICE_OVERRIDES_MAX))).toEqual([]);
    expect(validate(priceOverridesSchema, many(PRICE_OVERRIDES_MAX + 1))).toMatchObject({ kind: 'invalid' });
    const tools = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`tool_${n}`, '1']));
    expect(faults(many(PRICE_OVERRIDES_MAX, { tool_calls_usd_per_thousand: tools }))).toEqual([
      { path: ['prices'], message: expect.stringContaining(`at most ${PRICE_OVERRIDES_BYTES_MAX} bytes`) as string },
    ]);
  });
  it('that say something of a later release, or take a price that is not known, are not read at all', () => {
    const { version, entries } = stored([mini]);
    expect(ownPrices({ version, entries })?.entries).toHaveLength(1);
    expect(ownPrices({ version, entries: [{ ...mini, moonlight_usd_per_million: '1' }] })).toBeNull();
    expect(
      ownPrices({ version, entries: [{ provider: 'ours', model: 'mini', like: 'openai/of-tomorrow' }] }),
    ).toBeNull();
    expect(ownPrices({ version, entries: [{ ...mini, provider: 'of another configuration' }] })).toBeNull();
    expect(ownPrices({ version, entries: [{ ...mini, provider: 'elsewhere' }] })?.entries).toHaveLength(1);
  });
});

describe('the price book of one organisation', () => {
  const config = parseConfig(
    `providers:
  - {name: ours, base_url: 'https://api.openai.com/v1'}
  - {name: other, base_url: 'https://llm.example.com/v1'}
routes:
  - {name: mini, targets: [{provider: other, model: mini}]}
prices:
  - {provider: other, model: mini, input_usd_per_million: 5, output_usd_per_million: 6, max_output_tokens: 4096, context_tokens: 8192, tokenizer: o200k_base}
  - {provider: other, model: 'm*', input_usd_per_million: 7, output_usd_per_million: 8}
`,
    { path: 'config.yaml', lookup: () => undefined },
  );
  const book = (prices: object[]) => new PriceBook(config, ownPrices(stored(prices))!.entries);

  it('has its own prices first, by exact names and patterns, and all others where it has none', () => {
    const own = book([{ ...mini, provider: 'other', model: 'm*' }]);
    const at = (provider: string, model: string) => {
      const { price, match } = own.at(provider, model, NOW);
      return [match?.origin, match?.name, price?.inputNanoUsdPerMillion];
    };
    expect(at('other', 'mini'), 'its pattern goes before the exact name of the file').toEqual([
      'organization',
      'm*',
      1_000_000_000n,
    ]);
    expect(at('ours', 'mini')).toEqual([undefined, undefined, undefined]);
    expect(at('ours', 'gpt-4o-mini')).toEqual(['known', 'gpt-4o-mini', 150_000_000n]);
  });
  it('follows the clock: its price counts in its time alone', () => {
    const own = book([{ ...mini, provider: 'other', valid_from: '2026-12-01', valid_until: '2027-01-01' }]);
    const at = (moment: string) => own.at('other', 'mini', Date.parse(moment));
    expect(at('2026-11-30T23:59:59.999Z')).toMatchObject({
      match: { origin: 'config' },
      untilMs: Date.parse('2026-12-01'),
    });
    expect(at('2026-12-01T00:00:00Z')).toMatchObject({ match: { origin: 'organization' } });
    expect(at('2027-01-01T00:00:00Z')).toMatchObject({ match: { origin: 'config' } });
  });
  it('takes what the model is known to take where the own price does not say that: another price is no other model', () => {
    const { price } = book([{ ...mini, provider: 'other' }]).at('other', 'mini', NOW);
    expect(price).toMatchObject({ maxOutputTokens: 4_096, contextTokens: 8_192, tokenizer: 'o200k_base' });
    const said = book([{ ...mini, provider: 'other', max_output_tokens: 9, context_tokens: 10 }]);
    expect(said.at('other', 'mini', NOW).price).toMatchObject({ maxOutputTokens: 9, contextTokens: 10 });
    const known = book([{ ...mini, model: 'gpt-4o-mini' }]).at('ours', 'gpt-4o-mini', NOW).price;
    expect(known?.maxOutputTokens).toBe(new PriceBook(config).at('ours', 'gpt-4o-mini', NOW).price?.maxOutputTokens);
  });
  it('takes the price of a known model, with what it says instead', () => {
    const own = book([{ provider: 'ours', model: 'gpt-4o', source: 'openai', input_usd_per_million: '2' }]);
    const [mine, theirs] = [own, new PriceBook(config)].map((each) => each.at('ours', 'gpt-4o', NOW).price!);
    expect(mine).toEqual({ ...theirs, inputNanoUsdPerMillion: 2_000_000_000n });
  });
});
