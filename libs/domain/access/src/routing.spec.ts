import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRoute, isAccessRefused, isOpenToAll, reachableTargets, type RouteAccess } from './decide-access.js';
import { compileModelList } from './key-access.js';
import { compileRouting } from './routing.js';

describe('where a configuration leads a model', () => {
  const find = compileRouting([
    {
      name: 'gpt-*',
      access: 'everyone',
      targets: [
        { provider: 'a', model: '*' },
        { provider: 'b', model: 'gpt-4o' },
      ],
    },
    { name: 'support-bot', access: 'everyone', targets: [{ provider: 'a', model: 'gpt-4o-mini' }] },
  ]);
  const pairs = (model: string) =>
    find(model)?.targets.map(({ target, model: asked }) => [target.provider, asked]) ?? null;

  it('names the model that each provider is asked for', () => {
    expect(pairs('gpt-4o')).toEqual([
      ['a', 'gpt-4o'],
      ['b', 'gpt-4o'],
    ]);
    expect(pairs('support-bot')).toEqual([['a', 'gpt-4o-mini']]);
    expect(find('support-bot')?.route.name).toBe('support-bot');
  });
  it('knows no name that no route has', () => {
    for (const name of ['', 'gpt', 'support.bot', 'claude']) expect(find(name)).toBeNull();
  });
});

/** The routes of a name in the order in which they are asked, with provider and model of each target. */
function waysTo(routing: ReturnType<typeof compileRouting<(typeof ROUTES)[number]>>, model: string): string[] {
  const routed = routing(model);
  if (routed === null) return [];
  return [routed, ...routed.others].map(
    ({ route, targets }) =>
      `${route.name} > ${targets.map(({ target, model: asked }) => `${target.provider}:${asked}`).join(' ')}`,
  );
}
const target = (text: string) => {
  const [provider = '', model = ''] = text.split(':');
  return { provider, model };
};
const route = (name: string, access: 'everyone' | 'groups', ...targets: string[]) => ({
  name,
  access,
  targets: targets.map(target),
});
const ROUTES = [
  route('support-bot', 'everyone', 'openai:gpt-4o-mini', 'azure:gpt-4o-mini', 'openai:gpt-4o'),
  route('vip', 'groups', 'openai:gpt-5'),
  route('cheap', 'everyone', 'azure:gpt-4o-mini'),
  route('claude-*', 'everyone', 'anthropic:*'),
  route('relay/*', 'everyone', 'openrouter:*'),
  route('gpt-4.1', 'everyone', 'openai:gpt-4.1'),
];
describe('the names by which a model can be called', () => {
  const routing = compileRouting(ROUTES);
  it.each<[string, string[]]>([
    ['support-bot', ['support-bot > openai:gpt-4o-mini azure:gpt-4o-mini openai:gpt-4o']],
    ['gpt-4.1', ['gpt-4.1 > openai:gpt-4.1']],
    ['openai/gpt-4o-mini', ['support-bot > openai:gpt-4o-mini']],
    ['azure/gpt-4o-mini', ['support-bot > azure:gpt-4o-mini', 'cheap > azure:gpt-4o-mini']],
    ['gpt-4o-mini', ['support-bot > openai:gpt-4o-mini azure:gpt-4o-mini', 'cheap > azure:gpt-4o-mini']],
    ['openai/gpt-5', ['vip > openai:gpt-5']],
    ['gpt-5', ['vip > openai:gpt-5']],
    ['anthropic/claude-sonnet-4-5', ['claude-* > anthropic:claude-sonnet-4-5']],
    ['claude-opus-4-20250514', ['claude-* > anthropic:claude-opus-4-20250514']],
    ['claude-3-7-sonnet-latest', ['claude-* > anthropic:claude-3-7-sonnet-latest']],
    ['openai/claude-sonnet-4-5', []],
    ['anthropic/gpt-4o', []],
    ['azure/gpt-4o', []],
    ['openai/gpt-4.1', ['gpt-4.1 > openai:gpt-4.1']],
    ['relay/openai/gpt-4o', ['relay/* > openrouter:relay/openai/gpt-4o']],
    ['OpenAI/gpt-4o-mini', []],
    ['openai/', []],
    ['/gpt-4o-mini', []],
    ['anthropic/*', []],
    ['*', []],
    ['openai/support-bot', []],
  ])('lead from %s to %j', (model, ways) => {
    expect(waysTo(routing, model)).toEqual(ways);
  });
  it('prefer the provider that is named over a pattern that matches everything, and fall back to that', () => {
    const all = compileRouting([
      route('*', 'everyone', 'openrouter:*'),
      route('small', 'everyone', 'openai:gpt-4o-mini'),
    ]);
    expect(waysTo(all, 'openai/gpt-4o-mini')).toEqual([
      'small > openai:gpt-4o-mini',
      '* > openrouter:openai/gpt-4o-mini',
    ]);
    expect(waysTo(all, 'openai/gpt-4o')).toEqual(['* > openrouter:openai/gpt-4o']);
    expect(waysTo(all, 'openrouter/openai/gpt-4o')).toEqual([
      '* > openrouter:openai/gpt-4o',
      '* > openrouter:openrouter/openai/gpt-4o',
    ]);
  });
});

describe('a key that calls a model by any name', () => {
  const names = ['a', 'b', 'c', 'a*', '*', 'p/a', 'p/*'];
  const models = ['a', 'b', 'c', 'ab'];
  const some = fc.constantFrom;
  const routes = fc.uniqueArray(
    fc
      .tuple(
        some(...names),
        some('everyone' as const, 'groups' as const),
        fc.array(fc.tuple(some('p', 'q'), some(...models, '*')), { minLength: 1, maxLength: 3 }),
      )
      .map(([name, access, targets]) => ({
        name,
        access,
        targets: targets
          .filter(([, model]) => model !== '*' || name.includes('*'))
          .map(([provider, model]) => ({ provider, model })),
      })),
    { selector: ({ name }) => name, maxLength: 5 },
  );
  const asked = some(...models, ...models.flatMap((model) => [`p/${model}`, `q/${model}`, `p/p/${model}`]), '*', 'p/*');
  const list = fc.option(fc.uniqueArray(some(...names, 'q/*', 'p/b'), { maxLength: 3 }), { nil: null });

  it('is served by a route that is open to it, has the target, and is allowed by its list by either name', () => {
    fc.assert(
      fc.property(routes, asked, fc.subarray(names), list, (configured, model, opened, allowed) => {
        const routed = compileRouting(configured)(model);
        const key = { opens: new Set(opened), allowsModel: allowed === null ? null : compileModelList(allowed) };
        interface Found extends RouteAccess {
          readonly targets: Routed['targets'];
          readonly others?: readonly Found[];
        }
        type Routed = Pick<NonNullable<typeof routed>, 'route' | 'targets'>;
        const accessOf = ({ route: { name, access }, targets }: Routed): Found => {
          return { name, access, open: isOpenToAll({ access, targets }), targets };
        };
        const all: Found | null = routed && { ...accessOf(routed), others: routed.others.map(accessOf) };
        const found = checkRoute(key, model, all);
        if (isAccessRefused(found)) return;
        const own = configured.find(({ name }) => name === found.name)!;
        expect(own.access === 'everyone' || opened.includes(own.name)).toBe(true);
        expect(allowed === null || key.allowsModel!(model) || key.allowsModel!(own.name)).toBe(true);
        const reached = reachableTargets(key, found);
        expect(reached.length).toBeGreaterThan(0);
        for (const {
          target: { provider, model: named },
          model: sent,
        } of reached) {
          expect(own.targets).toContainEqual({ provider, model: named });
          // The provider is asked for the model of its target, or for what the caller wrote.
          expect(named === '*' ? [model, model.replace(`${provider}/`, '')] : [named]).toContain(sent);
          if (own.name !== model && named !== '*' && !own.name.includes('*'))
            expect([named, `${provider}/${named}`]).toContain(model);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
