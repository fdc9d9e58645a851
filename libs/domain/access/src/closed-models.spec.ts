import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RouteOpenTo } from './closed-models.js';
import { checkRoute, isAccessRefused, isOpenToAll, reachableTargets, type RouteAccess } from './decide-access.js';
import { openedRoutes } from './opened-routes.js';
import { compileRouting } from './routing.js';

interface ConfiguredRoute {
  readonly name: string;
  readonly access: RouteOpenTo;
  readonly targets: readonly { readonly provider: string; readonly model: string }[];
}
const route = (name: string, access: RouteOpenTo, ...targets: readonly string[]): ConfiguredRoute => ({
  name,
  access,
  targets: targets.map((text) => {
    const [provider = '', ...model] = text.split(':');
    return { provider, model: model.join(':') };
  }),
});

/**
 * What a key of these groups' routes reaches by a name: provider and model of each target, the code of the refusal
 * else.
 */
function reach(routes: readonly ConfiguredRoute[], model: string, ...opened: string[]): readonly string[] | string {
  const routed = compileRouting(routes)(model);
  const key = { allowsModel: null, opens: new Set(opened) };
  interface Found extends RouteAccess {
    readonly targets: Routed['targets'];
    readonly others?: readonly Found[];
  }
  type Routed = Pick<NonNullable<typeof routed>, 'route' | 'targets'>;
  const accessOf = ({ route: { name, access }, targets }: Routed): Found => {
    return { name, access, open: isOpenToAll({ access, targets }), targets };
  };
  const found: Found | null = routed && { ...accessOf(routed), others: routed.others.map(accessOf) };
  const checked = checkRoute(key, model, found);
  if (isAccessRefused(checked)) return checked.code;
  return reachableTargets(key, checked).map(({ target, model: asked }) => `${target.provider}:${asked}`);
}

describe('a route that is open to groups', () => {
  const routes = [route('gpt-4o', 'groups', 'p:gpt-4o'), route('free', 'everyone', 'p:gpt-4o-mini')];
  it('serves keys whose groups have it, and no others; what is open to everyone serves all', () => {
    expect(reach(routes, 'gpt-4o')).toBe('route_access_denied');
    expect(reach(routes, 'gpt-4o', 'free', 'gpt-4')).toBe('route_access_denied');
    expect(reach(routes, 'gpt-4o', 'gpt-4o')).toEqual(['p:gpt-4o']);
    expect(reach(routes, 'free')).toEqual(['p:gpt-4o-mini']);
    expect(reach(routes, 'gpt-5', 'gpt-4o')).toBe('model_not_found');
  });
  it('is refused with the name of the route, or of the closed route that the name leads to', () => {
    const key = { allowsModel: null, opens: new Set<string>() };
    const closed = { name: 'r', access: 'groups', open: false, targets: [{}] } as const;
    expect(checkRoute(key, 'x', closed)).toEqual({
      kind: 'refused',
      rule: 'access',
      code: 'route_access_denied',
      route: 'r',
      closedBy: ['r'],
    });
    const led = { name: 'r', access: 'everyone', open: false, targets: [{ closedBy: ['c', 'd'] }] } as const;
    expect(checkRoute(key, 'x', led)).toMatchObject({ rule: 'access', route: 'r', closedBy: ['c', 'd'] });
  });
});

/** Forms of `gpt-4o` under which some provider serves the same model, or may. */
const FORMS_OF_GPT_4O = [
  'GPT-4o',
  'gpt-4O',
  'Gpt-4o ',
  ' gpt-4o',
  'gpt-4o\u00a0',
  'gpt-4o\u200b',
  'g\u00adpt-4o',
  'gpt\u20114o',
  'gpt\u20134o',
  'gpt_4o',
  'gpt.4o',
  'gpt4o',
  'gpt--4o',
  'gpt-4o.',
  'gpt-4o...',
  'gpt-4o/',
  'gpt-4o//',
  '/gpt-4o',
  './gpt-4o',
  'x/../gpt-4o',
  'gpt-4o#',
  'gpt-4o?',
  'gpt%2D4o',
  'gpt-4%6F',
  'gpt-4%6f%20',
  'gpt-4%256f',
  '%67%70%74-4o',
  'gpt-4%6ｆ',
  'gpt-4％６ｆ',
  'ｇｐｔ－４ｏ',
  '𝐠𝐩𝐭-𝟒𝐨',
  'ⓖpt-4o',
  'g\u0301pt-4o',
  'gpt-4о',
  'gрt-4o',
  'gpt-4ο',
  'gpt-٤o',
  'ɡpt-4o',
  'openai/gpt-4o',
  'OpenAI/GPT-4o',
  'openai\\gpt-4o',
  'models/gpt-4o',
  'openrouter/openai/gpt-4o',
  'gpt-4o-2024-08-06',
  'gpt-4o-20240806',
  'gpt-4o-0806',
  'gpt-4o-001',
  'gpt-4o-latest',
  'gpt-4o:latest',
  'gpt-4o:free',
  'gpt-4o:nitro',
  'gpt-4o@20240806',
  'gpt-4o@default',
  'openai/gpt-4o-2024-08-06:free',
  'gpt-4o-2024-08-06 :free',
  'GPT-4O-LATEST',
  'GPT%2D4O-2024-08-06',
  'gpt-4o:online',
  'gpt-4o:thinking',
  'gpt-4o:fireworks-ai',
  'gpt-4o:featherless-ai',
  'gpt-4o:cheapest',
  'gpt-4o:word-of-tomorrow',
  'openai/gpt-4o:nitro:thinking',
  'gpt-4o:128k',
  'gpt-4o-v1:0',
  'gpt-4o-2024-08-06-v1:0:48k',
  'openai.gpt-4o-v1:0',
  ...['us', 'eu', 'apac', 'global', 'us-gov', 'jp'].map((region) => `${region}.openai.gpt-4o-v1:0`),
  'bedrock/us.openai.gpt-4o-v1:0',
  'arn:aws:bedrock:us-east-1:1:inference-profile/us.openai.gpt-4o-v1:0',
  'accounts/x/models/gpt-4o#accounts/x/deployments/y',
  'gpt-4o@preset/mine',
  '~openai/gpt-4o',
  '~openai/gpt-4o-latest',
  '~openai/gpt-latest',
  '~openai/gpt-4o-latest #deployment',
  '~openai/gpt-latest#deployment',
  '~openai/gpt-latest :free',
  '~openai/gpt-latest:nitro #deployment',
  'gpt-4o-latest #deployment',
  'gpt-4o:free #deployment',
  'gpt-4o-latest%20%23deployment',
];

describe('no form of a name opens what the access of a route closes', () => {
  it.each(FORMS_OF_GPT_4O)('%j is closed beside an open wildcard', (form) => {
    for (const closed of [
      route('gpt-4o', 'groups', 'p:gpt-4o'),
      route('vip', 'groups', 'p:gpt-4o'),
      route('vip', 'groups', 'p:openai/gpt-4o-2024-05-13'),
      route('gpt-4o*', 'groups', 'p:*'),
      route('gpt-4o', 'groups', 'q:another'),
    ])
      for (const name of ['*', '*4*', '*o*']) {
        const answer = reach([closed, route(name, 'everyone', 'p:*')], form);
        expect(['route_access_denied', 'model_not_found'], closed.name).toContain(answer);
      }
  });
  it.each([
    ...['openrouter/auto', 'openrouter/auto:nitro', 'OpenRouter/Auto', 'openrouter/pareto-code', 'openrouter%2Fauto'],
    ...['auto', 'auto-beta', 'switchpoint/router', 'model-router', 'model-router-2025-11-18'],
    ...['model-router#mine', 'model-router #mine', 'auto:nitro #mine', 'openrouter/pareto-code #mine'],
    ...['@preset/x', '@PRESET/x', 'mistral-large@preset/x', 'mistral-large,gpt-4o', 'mistral-large;x', 'a|b'],
  ])('%j leaves it open which model answers, so it is closed to all unless it is named', (router) => {
    const everyone = route('*', 'everyone', 'p:*');
    expect(reach([route('vip', 'groups', 'q:other'), everyone], router, 'vip')).toBe('route_access_denied');
    expect(reach([everyone], router)).toEqual([`p:${router}`]);
    const named = route('routers', 'everyone', `p:${router}`);
    expect(reach([route('vip', 'groups', 'q:other'), everyone, named], 'routers')).toEqual([`p:${router}`]);
  });
  it.each([
    ['gemini-flash-latest', 'gemini-3-flash', true],
    ['models/gemini-flash-latest', 'google/gemini-2.5-flash-001', true],
    ['gemini-flash-latest', 'gemini-3-pro', false],
    ['gemini-flash-latest:free', 'gemini-3-flash', true],
    ['gemini-flash-latest #mine', 'gemini-3-flash', true],
    ['gemini-flash-latest:free #mine', 'gemini-3-flash', true],
    ['gemini-flash-latest#mine', 'gemini-3-pro', false],
    ['gemini-flash-latestage', 'gemini-3-flash', false],
    ['claude-sonnet-latest', 'anthropic.claude-3-5-sonnet-20241022-v2:0', true],
    ['~anthropic/claude-sonnet-latest', 'claude-sonnet-4.5', true],
    ['~anthropic/claude-sonnet', 'claude-sonnet-4.5', true],
    ['~anthropic/claude-haiku-latest', 'claude-sonnet-4.5', false],
    ['claude-haiku', 'claude-haiku-4.5', false],
    ['mistral-large-latest', 'mistral-large-2512', true],
    ['chatgpt-4o-latest', 'gpt-4o', false],
  ])('%j may lead to %j: %j', (name, model, may) => {
    const everyone = route('*', 'everyone', 'p:*', 'q:*');
    const closed = route('vip', 'groups', `p:${model}`);
    expect(reach([closed, everyone], name)).toEqual(may ? [`q:${name}`] : [`p:${name}`, `q:${name}`]);
    expect(reach([closed, everyone], name, 'vip')).toEqual([`p:${name}`, `q:${name}`]);
    const both = [closed, route('vip 2', 'groups', `p:${model}`), everyone];
    expect(reach(both, name, 'vip', 'vip 2')).toEqual(may ? [`q:${name}`] : [`p:${name}`, `q:${name}`]);
  });
  it('closes the newest model of a family where a closed pattern may match it', () => {
    const routes = [route('gemini-3-*', 'groups', 'p:*'), route('gemini-*', 'everyone', 'p:*')];
    expect(reach(routes, 'gemini-flash-latest')).toBe('route_access_denied');
    expect(reach(routes, 'gemini-flash-latest', 'gemini-3-*')).toEqual(['p:gemini-flash-latest']);
    expect(reach([...routes, route('gpt-*', 'everyone', 'p:*')], 'gpt-latest')).toEqual(['p:gpt-latest']);
  });
  it.each([
    'llama3:8b',
    'gpt-4o:70b',
    'qwen3:0.6b-q4_K_M',
    'gpt-4.1',
    'gpt-4o-mini',
    'gpt-4',
    'gpt-4-turbo',
    'o1',
    'claude-3-5-sonnet',
    'text-embedding-3-large',
    '通义千问',
  ])('%j is another model, and stays open', (model) => {
    const routes = [route('gpt-4o', 'groups', 'p:gpt-4o'), route('*', 'everyone', 'p:*')];
    expect(reach(routes, model)).toEqual([`p:${model}`]);
  });
  it('is open to the key whose groups have the closed route, under any form but look-alikes', () => {
    const routes = [route('gpt-4o', 'groups', 'p:gpt-4o'), route('*', 'everyone', 'p:*')];
    expect(reach(routes, 'GPT-4o', 'gpt-4o')).toEqual(['p:GPT-4o']);
    expect(reach(routes, 'gpt-4о', 'gpt-4o')).toBe('route_access_denied');
  });
  it('closes a model at the providers where a closed route serves it, and leaves the others', () => {
    const routes = [route('vip', 'groups', 'p:big'), route('*', 'everyone', 'p:*', 'q:*')];
    expect(reach(routes, 'Big')).toEqual(['q:Big']);
    expect(reach(routes, 'Big', 'vip')).toEqual(['p:Big', 'q:Big']);
    expect(reach(routes, 'VIP')).toBe('route_access_denied');
  });
  it('leaves what the configuration itself names as a target of an open route', () => {
    const routes = [
      route('gpt-*', 'groups', 'p:*'),
      route('gpt-4o-mini', 'everyone', 'p:gpt-4o-mini'),
      route('cheap', 'everyone', 'p:gpt-4o'),
      route('gpt-5*', 'everyone', 'p:*'),
    ];
    expect(reach(routes, 'gpt-4o-mini')).toEqual(['p:gpt-4o-mini']);
    expect(reach(routes, 'cheap')).toEqual(['p:gpt-4o']);
    expect(reach(routes, 'gpt-5-nano')).toEqual(['p:gpt-5-nano']);
    expect(reach(routes, 'gpt-4o')).toBe('route_access_denied');
  });
  it('keeps the closed routes of one group from the keys of another', () => {
    const routes = [route('gpt-*', 'groups', 'p:*'), route('gpt-4o', 'groups', 'p:gpt-4o')];
    expect(reach(routes, 'gpt-4o', 'gpt-*')).toBe('route_access_denied');
    expect(reach(routes, 'gpt-4O', 'gpt-*')).toBe('route_access_denied');
    expect(reach(routes, 'gpt-4O', 'gpt-*', 'gpt-4o')).toEqual(['p:gpt-4O']);
    expect(reach(routes, 'gpt-5', 'gpt-*')).toEqual(['p:gpt-5']);
  });
});

/** Ways to write a name that leave the model the same for some provider. */
const PLAIN_REWRITES: readonly ((name: string) => string)[] = [
  (name) => name.toUpperCase(),
  (name) => name.charAt(0).toUpperCase() + name.slice(1),
  (name) => `${name} `,
  (name) => `${name}.`,
  (name) => `prov/${name}`,
  (name) => `${name}-2025-01-31`,
  (name) => `${name}:free`,
  (name) => `${name}:fireworks-ai`,
  (name) => `${name}:thinking`,
  (name) => `${name}-v1:0`,
  (name) => `us.anthropic.${name}`,
  (name) => `global.meta-llama.${name}-v2:0`,
  (name) => `${name}#deployment`,
  (name) => `${name}\u200d`,
  (name) => name.replaceAll('-', '_'),
  (name) => name.replaceAll('-', '\u2010'),
  (name) => name.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (name) => name.replace(/[a-z]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0)),
];
const REWRITES = [
  ...PLAIN_REWRITES,
  (name: string) => `${name}-latest`,
  (name: string) => `~vendor/${name}-latest`,
  (name: string) => `${name}-latest:nitro`,
  (name: string) => `${name} #mine`,
  (name: string) => `${name}%20:free`,
  (name: string) => `${name}@preset/mine`,
  (name: string) => name.replace('a', 'а'),
  (name: string) => name.replace('o', 'ο'),
];
const MODELS = ['alpha', 'alpha-mini', 'a-4o', 'beta-2', 'beta-pro'];
const NAMES = [...MODELS, 'vip', '*', 'a*', 'alpha*', 'beta-*', '*-pro', 'prov/*'];
const anyRoute = fc.record({
  name: fc.constantFrom(...NAMES),
  access: fc.constantFrom<RouteOpenTo[]>('everyone', 'groups'),
  targets: fc.array(fc.record({ provider: fc.constantFrom('p', 'q'), model: fc.constantFrom('*', ...MODELS) }), {
    minLength: 1,
    maxLength: 3,
  }),
});
/** As config.yaml may say it: each name once, and `*` as a model only where the route's name has one. */
const anyConfig = fc
  .uniqueArray(anyRoute, { minLength: 1, maxLength: 6, selector: ({ name }) => name })
  .map((routes) =>
    routes.map((each) =>
      each.name.includes('*')
        ? each
        : { ...each, targets: each.targets.map((one) => (one.model === '*' ? { ...one, model: each.name } : one)) },
    ),
  );

describe('in any configuration', () => {
  it('a key without groups reaches no model of a closed route under any name, unless an open route names it', () => {
    fc.assert(
      fc.property(
        anyConfig,
        fc.constantFrom(...MODELS),
        fc.array(fc.constantFrom(...REWRITES), { maxLength: 3 }),
        (routes, model, rewrites) => {
          const name = rewrites.reduce((text, rewrite) => rewrite(text), model);
          const reached = reach(routes, name);
          if (typeof reached === 'string') return;
          const routed = compileRouting(routes)(name)!;
          const open = [routed, ...routed.others].filter(({ route: { access } }) => access === 'everyone');
          expect(open).not.toEqual([]);
          for (const one of reached) {
            const named = open.some(({ route: { targets } }) =>
              targets.some((target) => target.model !== '*' && `${target.provider}:${target.model}` === one),
            );
            if (named) continue;
            const provider = one.split(':')[0];
            const closedHere = routes.some(
              ({ access, targets }) =>
                access === 'groups' && targets.some((each) => each.provider === provider && each.model === model),
            );
            expect(closedHere, `${name} reaches ${one}`).toBe(false);
            expect(
              routes.some((each) => each.access === 'groups' && each.name === model),
              name,
            ).toBe(false);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
  it('a key whose groups have every route is refused nothing but what names no single model for its groups', () => {
    fc.assert(
      fc.property(
        anyConfig,
        fc.constantFrom(...MODELS),
        fc.constantFrom(...PLAIN_REWRITES),
        (routes, model, rewrite) => {
          const all = routes.map(({ name }) => name);
          expect(reach(routes, rewrite(model), ...all)).not.toBe('route_access_denied');
        },
      ),
    );
  });
  it('a configuration without closed routes closes nothing', () => {
    fc.assert(
      fc.property(anyConfig, fc.string({ minLength: 1, maxLength: 40 }), (routes, name) => {
        const open = routes.map((each) => ({ ...each, access: 'everyone' as const }));
        expect(reach(open, name)).not.toBe('route_access_denied');
      }),
    );
  });
});

describe('the routes that groups open', () => {
  const groupRoutes = { a: ['r', 's'], b: ['s', 't'], none: [] };
  it('are those of any of them, and of no group that the organisation does not have', () => {
    expect([...openedRoutes(['a', 'b'], groupRoutes)]).toEqual(['r', 's', 't']);
    for (const groups of [undefined, [], ['none'], ['gone'], ['__proto__'], ['constructor']])
      expect(openedRoutes(groups, groupRoutes).size).toBe(0);
    expect(openedRoutes(['a'], undefined).size).toBe(0);
  });
  it('are one set for all keys in the same groups', () => {
    expect(openedRoutes(['a', 'b'], groupRoutes)).toBe(openedRoutes(['a', 'b'], groupRoutes));
    expect(openedRoutes(['a', 'b'], { ...groupRoutes })).not.toBe(openedRoutes(['a', 'b'], groupRoutes));
  });
  it('are kept for some combinations of groups alone, however many there are', () => {
    const first = openedRoutes(['a'], groupRoutes);
    for (let n = 0; n < 1_000; n++) openedRoutes(['a', `gone ${n}`], groupRoutes);
    expect(openedRoutes(['a'], groupRoutes)).not.toBe(first);
    expect(openedRoutes(['a'], groupRoutes)).toEqual(first);
  });
});
