import { describe, expect, it } from 'vitest';
import type { Received } from '../exchange/exchange.js';
import type { Provider } from '../../providers/provider.js';
import { chooseRoute } from './choose-route.js';
import { orderTargets, RouteTable, type Target } from './route-table.js';

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
  it('serves nothing that has no price', () => {
    expect(table.find('gpt-5')).toBeNull();
  });
  it('knows no other name', () => {
    for (const name of ['', 'gpt', 'my-gpt-4o', 'support-bot2', 'support.bot']) expect(table.find(name)).toBeNull();
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
