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
        key: { allowsModel: allowed === null ? null : (model: string) => model === allowed },
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
