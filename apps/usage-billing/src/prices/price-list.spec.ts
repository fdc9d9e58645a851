import { parseConfig } from '@tollgate/config';
import { describe, expect, it } from 'vitest';
import { comparePositions, PriceList } from './price-list.js';
import { priceObject, priceReply, targetObject } from './price.reply.js';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const listOf = (lines: string) =>
  new PriceList(
    parseConfig(
      `providers:
  - {name: ours, base_url: 'https://api.openai.com/v1'}
  - {name: other, base_url: 'https://llm.example.com/v1'}
routes:
  - {name: small, targets: [{provider: ours, model: gpt-4o-mini}, {provider: other, model: something}]}
  - {name: 'gpt-*', targets: [{provider: ours, model: '*'}]}
${lines}`,
      { path: 'config.yaml', lookup: () => undefined },
    ),
  );

describe('the list of prices', () => {
  it('has the whole book, known prices included, each in its place and in the form of the API', () => {
    const all = listOf('').all();
    expect(all.length).toBeGreaterThan(1_000);
    for (const [at, price] of all.entries()) {
      expect(priceReply.safeParse(priceObject(price)).success).toBe(true);
      if (at > 0) expect(comparePositions(all[at - 1]!.position, price.position)).toBe(-1);
    }
  });
  it('shows a known price with its dates and hours', () => {
    const shown = listOf('')
      .all()
      .filter(({ source, model }) => source === 'deepseek' && model === 'deepseek-v4-flash')
      .map(priceObject);
    expect(shown.map(({ valid_from, hours }) => [valid_from, hours])).toEqual([
      [null, null],
      ['2026-08-17T00:00:00.000Z', null],
      [null, { from: '01:00', until: '04:00' }],
      [null, { from: '06:00', until: '10:00' }],
    ]);
  });
  it('has the entries of the file before the known ones, and the default price behind them', () => {
    const list = listOf(`prices:
  - {provider: other, model: something, like: openai/gpt-4o, valid_from: 2026-12-01}
  - {provider: ours, model: 'gpt-*', input_usd_per_million: 1, output_usd_per_million: 0.000000001, requests_usd: 0.02}
default_price: {input_usd_per_million: 9, output_usd_per_million: 9}
`);
    const [first, second] = list.all().map(priceObject);
    expect(first).toMatchObject({
      origin: 'config',
      provider: 'other',
      source: 'openai',
      model: 'something',
      input_usd_per_million: '2.5',
      valid_from: '2026-12-01T00:00:00.000Z',
    });
    expect(second).toMatchObject({
      origin: 'config',
      provider: 'ours',
      source: null,
      model: 'gpt-*',
      output_usd_per_million: '0.000000001',
      requests_usd: '0.02',
    });
    expect(list.all().at(-1)).toMatchObject({ origin: 'default', model: '*' });
  });
  it('says what each target is priced by now, or that it is not', () => {
    const matched = (lines: string) =>
      listOf(lines)
        .targets(NOW)
        .map(targetObject)
        .map(({ route, model, price }) => [route, model, price?.origin ?? null, price?.model ?? null]);
    expect(matched('')).toEqual([
      ['small', 'gpt-4o-mini', 'known', 'gpt-4o-mini'],
      ['small', 'something', null, null],
      ['gpt-*', '*', null, null],
    ]);
    expect(
      matched(
        `prices:\n  - {provider: ours, model: 'gpt-4*', input_usd_per_million: 1, output_usd_per_million: 1}\ndefault_price: {input_usd_per_million: 9, output_usd_per_million: 9}\n`,
      ),
    ).toEqual([
      ['small', 'gpt-4o-mini', 'config', 'gpt-4*'],
      ['small', 'something', 'default', '*'],
      ['gpt-*', '*', null, null],
    ]);
  });
  it('of what gateways can charge has the sources of their providers alone', () => {
    const sources = new Set(
      listOf('')
        .chargeable()
        .map(({ source }) => source),
    );
    expect([...sources]).toEqual(['openai']);
  });
});
