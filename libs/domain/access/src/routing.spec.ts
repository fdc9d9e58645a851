import { describe, expect, it } from 'vitest';
import { compileRouting } from './routing.js';

describe('where a configuration leads a model', () => {
  const find = compileRouting(
    [
      {
        name: 'gpt-*',
        access: 'everyone',
        targets: [
          { provider: 'a', model: '*' },
          { provider: 'b', model: 'gpt-4o' },
        ],
      },
      { name: 'support-bot', access: 'everyone', targets: [{ provider: 'a', model: 'gpt-4o-mini' }] },
    ],
    [
      { provider: 'a', model: 'gpt-4o*', price: 1 },
      { provider: 'a', model: 'gpt-4o-mini', price: 2 },
      { provider: 'b', model: '*', price: 3 },
    ],
  );
  const pairs = (model: string) =>
    find(model)?.targets.map(({ target, model: asked, price }) => [target.provider, asked, price]) ?? null;

  it('names the model that each provider is asked for, with its price', () => {
    expect(pairs('gpt-4o')).toEqual([
      ['a', 'gpt-4o', 1],
      ['b', 'gpt-4o', 3],
    ]);
    expect(pairs('support-bot')).toEqual([['a', 'gpt-4o-mini', 2]]);
    expect(find('support-bot')?.route.name).toBe('support-bot');
  });
  it('leaves out what has no price, and is nowhere where nothing is left', () => {
    expect(pairs('gpt-5')).toEqual([['b', 'gpt-4o', 3]]);
    expect(
      compileRouting([{ name: 'r', access: 'everyone', targets: [{ provider: 'a', model: 'm' }] }], [])('r'),
    ).toBeNull();
  });
  it('knows no name that no route has', () => {
    for (const name of ['', 'gpt', 'support.bot', 'claude']) expect(find(name)).toBeNull();
  });
});
