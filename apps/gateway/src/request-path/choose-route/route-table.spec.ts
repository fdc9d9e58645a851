import { describe, expect, it } from 'vitest';
import type { Received } from '../exchange/exchange.js';
import type { Provider } from '../../providers/provider.js';
import { chooseRoute } from './choose-route.js';
import { orderTargets, routeOf, RouteTable, type Target } from './route-table.js';

const price = {
  inputNanoUsdPerMillion: 1n,
  outputNanoUsdPerMillion: 1n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 1,
  contextTokens: 1,
};
const target = (model: string, weight = 1): Target => ({
  provider: { name: 'p' } as Provider,
  model,
  weight,
  price,
  nameHeaders: [],
  priceOf: () => null,
  eventPart: '',
  pricePart: '',
});

describe('the table of routes', () => {
  const table = new RouteTable(
    {
      routes: [
        { name: 'gpt-*', targets: [{ provider: 'p', model: '*', weight: 1 }], access: 'everyone' },
        { name: 'support-bot', targets: [{ provider: 'p', model: 'gpt-4o-mini', weight: 1 }], access: 'everyone' },
      ],
      prices: [{ provider: 'p', model: 'gpt-4o*', price }],
    },
    new Map([['p', { name: 'p' } as Provider]]),
  );
  it('leads a route name to its targets, and the caller’s own model through a wildcard', () => {
    expect(table.find('support-bot')?.targets).toMatchObject([{ model: 'gpt-4o-mini', price }]);
    expect(table.find('gpt-4o')?.targets).toMatchObject([{ model: 'gpt-4o' }]);
  });
  it('knows which targets have no price, and takes nothing of them into what credit is held for', () => {
    expect(table.find('gpt-5')?.targets).toMatchObject([{ model: 'gpt-5', unpriced: true }]);
    expect(table.find('gpt-4o')?.targets[0]).not.toHaveProperty('unpriced');
    const [known] = table.find('gpt-4o')!.targets;
    const [unknown] = table.find('gpt-5')!.targets;
    expect(routeOf('both', [known!, unknown!])).toMatchObject({ prices: [price], outputTokensMax: 1 });
  });
  it('knows no other name', () => {
    for (const name of ['', 'gpt', 'my-gpt-4o', 'support-bot2', 'support.bot']) expect(table.find(name)).toBeNull();
  });
});

describe('the prices of one organisation', () => {
  const version = (digit: string) => digit.repeat(12);
  const own = (input: string, more: object = {}) => [
    { provider: 'p', model: 'gpt-4o', input_usd_per_million: input, output_usd_per_million: '1', ...more },
  ];
  const routes = [{ name: 'gpt-*', targets: [{ provider: 'p', model: '*', weight: 1 }], access: 'everyone' as const }];
  const make = (nowMs?: () => number) =>
    new RouteTable(
      { routes, prices: [{ provider: 'p', model: 'gpt-4o*', price }] },
      new Map([['p', { name: 'p' } as Provider]]),
      nowMs,
    );
  const inputOf = (table: RouteTable | null, model: string) =>
    table?.find(model)?.targets[0]?.price.inputNanoUsdPerMillion;

  it('cost others nothing: without them there is one table', () => {
    const table = make();
    expect(table.at(null)).toBe(table);
    expect(table.at({ organizationId: 'o' })).toBe(table);
    expect(table.find('gpt-4o')).not.toHaveProperty('ownPriceVersion');
  });
  it('go before those of all, with their version, for their models alone and for nobody else', () => {
    const table = make();
    const mine = table.at({ organizationId: 'o', prices: { version: version('a'), entries: own('3') } });
    expect(inputOf(mine, 'gpt-4o')).toBe(3_000_000_000n);
    expect(mine?.find('gpt-4o')?.ownPriceVersion).toBe(version('a'));
    expect(mine?.find('gpt-4o')?.targets[0]?.pricePart).toContain('"inputNanoUsdPerMillion":"3000000000"');
    expect(mine?.find('gpt-4o')?.targets[0]?.priceOf('gpt-4o')?.inputNanoUsdPerMillion).toBe(3_000_000_000n);
    expect(inputOf(mine, 'gpt-4o-mini'), 'which has the price of all').toBe(1n);
    expect(inputOf(table, 'gpt-4o')).toBe(1n);
    const theirs = table.at({ organizationId: 'another', prices: { version: version('b'), entries: own('4') } });
    expect([inputOf(theirs, 'gpt-4o'), inputOf(mine, 'gpt-4o')]).toEqual([4_000_000_000n, 3_000_000_000n]);
  });
  it('are joined once for each version of them, whatever else of the organisation changes', () => {
    const table = make();
    const first = table.at({ organizationId: 'o', prices: { version: version('a'), entries: own('3') } });
    expect(table.at({ organizationId: 'o', prices: { version: version('a'), entries: own('3') } })).toBe(first);
    expect(first?.find('gpt-4o')).toBe(first?.find('gpt-4o'));
    const later = table.at({ organizationId: 'o', prices: { version: version('b'), entries: own('5') } });
    expect([inputOf(first, 'gpt-4o'), inputOf(later, 'gpt-4o')]).toEqual([3_000_000_000n, 5_000_000_000n]);
  });
  it('follow the clock: who has a route keeps its price across the change', () => {
    const until = Date.parse('2027-01-01');
    let nowMs = until - 1;
    const entries = own('3', { valid_until: '2027-01-01' });
    const mine = make(() => nowMs).at({ organizationId: 'o', prices: { version: version('a'), entries } });
    const held = mine?.find('gpt-4o');
    nowMs = until;
    expect(inputOf(mine, 'gpt-4o')).toBe(1n);
    expect(held?.targets[0]?.price.inputNanoUsdPerMillion).toBe(3_000_000_000n);
  });
  it('of a later release are not passed over: nothing is served at a price that is not theirs', () => {
    const table = make();
    const entries = own('3', { moonlight_usd_per_million: '1' });
    const organization = { organizationId: 'o', prices: { version: version('c'), entries } };
    expect(table.at(organization)).toBeNull();
    const exchange = { ask: { model: 'gpt-4o', others: [] }, key: { organization: { snapshot: organization } } };
    expect(chooseRoute(table)(exchange as unknown as Received)).toMatchObject({ code: 'keys_unavailable' });
  });
});

describe('a price with dates and hours', () => {
  const at = (text: string): number => Date.parse(text);
  const dear = { ...price, inputNanoUsdPerMillion: 2n };
  const peak = { ...price, inputNanoUsdPerMillion: 3n };
  const routes = [{ name: 'm', targets: [{ provider: 'p', model: 'm', weight: 1 }], access: 'everyone' as const }];
  const prices = [
    { provider: 'p', model: 'm', price, untilMs: at('2027-01-01T00:00:00Z') },
    { provider: 'p', model: 'm', price: dear, fromMs: at('2027-01-01T00:00:00Z') },
    { provider: 'p', model: 'm', price: peak, hours: { fromMinute: 60, untilMinute: 240 } },
  ];
  const table = (nowMs: () => number) =>
    new RouteTable({ routes, prices }, new Map([['p', { name: 'p' } as Provider]]), nowMs);

  it('changes by the clock, without another start', () => {
    let now = at('2026-12-31T23:59:59.999Z');
    const routing = table(() => now);
    const priceAt = (text: string) => {
      now = at(text);
      return routing.find('m')!.targets[0]!.price;
    };
    expect(priceAt('2026-12-31T23:59:59.999Z')).toBe(price);
    expect(priceAt('2027-01-01T00:00:00.000Z')).toBe(dear);
    expect(priceAt('2027-01-01T00:59:59.999Z')).toBe(dear);
    expect(priceAt('2027-01-01T01:00:00.000Z')).toBe(peak);
    expect(priceAt('2027-01-01T03:59:59.999Z')).toBe(peak);
    expect(priceAt('2027-01-01T04:00:00.000Z')).toBe(dear);
  });
  it('stays what it was for a request that has its route already', () => {
    let now = at('2026-12-31T23:59:59.999Z');
    const routing = table(() => now);
    const held = routing.find('m')!;
    expect(routing.find('m')).toBe(held);
    now = at('2027-01-01T00:00:00.000Z');
    expect(routing.find('m')).not.toBe(held);
    expect(held.targets[0]!.price).toBe(price);
  });
});

describe('a route whose provider has no credential', () => {
  const toBoth = [
    { provider: 'p', model: 'a', weight: 1 },
    { provider: 'q', model: 'b', weight: 1_000 },
  ];
  const config = {
    routes: [
      { name: 'both', targets: toBoth, access: 'everyone' as const },
      { name: 'q-*', targets: [{ provider: 'q', model: '*', weight: 1 }], access: 'everyone' as const },
    ],
    prices: [
      { provider: 'p', model: '*', price },
      { provider: 'q', model: '*', price: { ...price, maxOutputTokens: 1_000_000 } },
    ],
  };
  const table = new RouteTable(config, new Map([['p', { name: 'p' } as Provider]]));

  it('passes that target over, and holds no credit for it', () => {
    expect(table.find('both')).toMatchObject({
      targets: [{ provider: { name: 'p' }, model: 'a' }],
      outputTokensMax: 1,
    });
  });
  it('is refused by name where no target is left, after the key was asked whether it may use the model', () => {
    const asks = (allowed: string | null) =>
      chooseRoute(table)({
        ask: { model: 'q-7', others: [] },
        key: {
          allowsModel: allowed === null ? null : (model: string) => model === allowed,
          organization: { snapshot: null },
        },
      } as unknown as Received);
    expect(asks(null)).toMatchObject({ kind: 'refusal', code: 'provider_not_configured', param: 'model' });
    expect(asks('q-8')).toMatchObject({ code: 'model_access_denied' });
    expect(asks('q-7')).toMatchObject({ code: 'provider_not_configured' });
  });
});

describe('the order of targets', () => {
  it('starts with each as often as its weight says', () => {
    const targets = [target('a', 3), target('b', 1)];
    const first = [0, 0.3, 0.7, 0.8].map((number) => orderTargets(targets, () => number)[0]!.model);
    expect(first).toEqual(['a', 'a', 'a', 'b']);
  });
  it('holds every target once', () => {
    expect(
      orderTargets([target('a'), target('b'), target('c')], () => 0.999)
        .map(({ model }) => model)
        .sort(),
    ).toEqual(['a', 'b', 'c']);
  });
});
