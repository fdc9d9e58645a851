import { describe, expect, it } from 'vitest';
import type { Provider } from '../forward/provider.js';
import { orderTargets, RouteTable, type Target } from './route-table.js';

const price = { inputNanoUsdPerMillion: 1n, outputNanoUsdPerMillion: 1n, cachedInputNanoUsdPerMillion: null, maxOutputTokens: 1 };
const target = (model: string, weight = 1): Target => ({ provider: { name: 'p' } as Provider, model, weight, price, eventPart: '', pricePart: '' });

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

describe('the order of targets', () => {
  it('starts with each as often as its weight says', () => {
    const targets = [target('a', 3), target('b', 1)];
    const first = [0, 0.3, 0.7, 0.8].map((number) => orderTargets(targets, () => number)[0]!.model);
    expect(first).toEqual(['a', 'a', 'a', 'b']);
  });
  it('holds every target once', () => {
    expect(orderTargets([target('a'), target('b'), target('c')], () => 0.999).map(({ model }) => model).sort()).toEqual(['a', 'b', 'c']);
  });
});
