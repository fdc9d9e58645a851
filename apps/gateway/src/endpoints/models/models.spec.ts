import type { IncomingMessage, ServerResponse } from 'node:http';
import { compileKeyAccess } from '@tollgate/access';
import type { OrganizationSnapshot } from '@tollgate/api-key';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPENAI_ERRORS } from '../../dialects/openai/errors.js';
import type { Provider } from '../../providers/provider.js';
import { RouteTable } from '../../request-path/choose-route/route-table.js';
import { Exchange, type Identified } from '../../request-path/exchange/exchange.js';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import { ModelCatalogue } from './model-catalogue.js';
import { usdPerToken } from './model-shapes.js';
import { model, models } from './models.js';

const price = (input: bigint, more: object = {}) => ({
  inputNanoUsdPerMillion: input,
  outputNanoUsdPerMillion: 4n * input,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 16_384,
  contextTokens: 128_000,
  ...more,
});
const target = (text: string) => {
  const [provider = '', model = ''] = text.split(':');
  return { provider, model, weight: 1 };
};
const route = (name: string, access: 'everyone' | 'groups', ...targets: string[]) => ({
  name,
  access,
  targets: targets.map(target),
});
const MORE = {
  classes: { cacheWrite5m: 3_750_000_000n, cacheWrite1h: 6_000_000_000n, reasoning: 15_000_000_000n },
  toolCalls: new Map([['web_search', 10_000_000_000n]]),
  serviceTiers: new Map(),
  speeds: new Map(),
  inferenceGeos: new Map(),
  longContext: [],
};
const CONFIG = {
  routes: [
    route('support-bot', 'everyone', 'openai:gpt-4o-mini', 'other:small'),
    route('vip', 'groups', 'openai:gpt-5'),
    route('gpt-*', 'everyone', 'openai:*'),
    route('claude-*', 'everyone', 'anthropic:claude-sonnet-4-5'),
    route('away', 'everyone', 'unset:m'),
    route('team/a b', 'everyone', 'openai:gpt-4o'),
  ],
  prices: [
    { provider: 'openai', model: 'gpt-4o', price: price(2_500_000_000n) },
    { provider: 'openai', model: 'gpt-4o-mini', price: price(150_000_000n, { contextTokens: 64_000 }) },
    { provider: 'openai', model: 'gpt-*', price: price(9_000_000_000n) },
    { provider: 'other', model: 'small', price: price(200_000_000n, { maxOutputTokens: 100 }) },
    { provider: 'anthropic', model: 'claude-*', price: price(3_000_000_000n, { more: MORE }) },
    { provider: 'unset', model: 'm', price: price(1n) },
  ],
};
const PROVIDERS = new Map(['openai', 'other', 'anthropic'].map((name) => [name, { name } as unknown as Provider]));
const catalogueOf = (config: typeof CONFIG) => new ModelCatalogue(config, new RouteTable(config, PROVIDERS));
const CATALOGUE = catalogueOf(CONFIG);

interface Asked {
  models?: string[] | null;
  opens?: string[];
  headers?: Record<string, string>;
  catalogue?: ModelCatalogue;
  organization?: Partial<OrganizationSnapshot> | null;
}
function ask(
  url: string,
  { models: list = null, opens = [], headers = {}, catalogue = CATALOGUE, organization = null }: Asked = {},
) {
  const request = { url, headers, rawHeaders: [], socket: {} } as unknown as IncomingMessage;
  const exchange = new Exchange(request, {} as ServerResponse, OPENAI_ERRORS);
  const access = compileKeyAccess(
    { scopes: ['inference:read'], allowedIps: null, models: list, groups: ['g'] },
    { groupRoutes: { g: opens } },
  );
  exchange.key = {
    ...access,
    snapshot: { models: list },
    organization: { snapshot: organization },
  } as unknown as Exchange['key'];
  const endpoint = /models\/[^?]/.test(url) ? model : models;
  const answer = endpoint.answer(exchange as Identified, catalogue);
  return isRefusal(answer) ? answer : (JSON.parse(answer.toString()) as Record<string, unknown>);
}
const idsIn = (answer: object) => (answer as { data: { id: string }[] }).data.map(({ id }) => id);
const ANTHROPIC = { 'anthropic-version': '2023-06-01' };

describe('the list of models', () => {
  it('has the routes that are open to the key, and the known names of those whose name is a pattern', () => {
    expect(idsIn(ask('/v1/models'))).toEqual(['claude-sonnet-4-5', 'gpt-4o', 'gpt-4o-mini', 'support-bot', 'team/a b']);
    expect(idsIn(ask('/v1/models', { opens: ['vip'] }))).toContain('gpt-5');
    expect(idsIn(ask('/v1/models', { opens: ['vip'] }))).toContain('vip');
    expect(idsIn(ask('/v1/models', { models: ['gpt-4o*', 'vip'] }))).toEqual(['gpt-4o', 'gpt-4o-mini']);
    expect(idsIn(ask('/v1/models', { models: [] }))).toEqual([]);
  });
  it('has the shape of OpenAI, whatever the query', () => {
    const list = ask('/v1/models?limit=1&after_id=x');
    expect(list).toEqual({
      object: 'list',
      data: expect.arrayContaining([{ id: 'support-bot', object: 'model', created: 0, owned_by: 'openai' }]) as unknown,
    });
    expect(idsIn(list)).toHaveLength(5);
  });
  it('has an empty list in the shape of Codex for its callers', () => {
    expect(ask('/v1/models?client_version=0.50.0')).toMatchObject({ object: 'list', models: [] });
  });
  it('has prices and sizes in the shape of OpenRouter, the highest and the least of all targets', () => {
    const { data } = ask('/api/v1/models') as unknown as { data: Record<string, unknown>[] };
    expect(data.find(({ id }) => id === 'support-bot')).toMatchObject({
      canonical_slug: 'support-bot',
      name: 'support-bot',
      created: 0,
      context_length: 64_000,
      pricing: { prompt: '0.0000002', completion: '0.0000008', input_cache_read: '0.0000002', request: '0' },
      architecture: { input_modalities: ['text'], output_modalities: ['text'] },
      top_provider: { context_length: 64_000, max_completion_tokens: 100, is_moderated: false },
      supported_parameters: ['max_tokens', 'stop', 'temperature', 'tool_choice', 'tools', 'top_p'],
      links: { details: '/api/v1/models/support-bot' },
    });
    expect(ask('/api/v1/models')).toMatchObject({ total_count: data.length, links: { next: null } });
  });
  it('has the price of each class of tokens that is charged, and of a search', () => {
    const pricingOf = (id: string, organization: Partial<OrganizationSnapshot> | null = null) => {
      const { data } = ask('/api/v1/models', { organization }) as unknown as {
        data: { id: string; pricing: object }[];
      };
      return data.find((each) => each.id === id)!.pricing;
    };
    expect(pricingOf('claude-sonnet-4-5')).toEqual({
      prompt: '0.000003',
      completion: '0.000012',
      request: '0',
      image: '0',
      web_search: '0.01',
      internal_reasoning: '0.000015',
      input_cache_read: '0.000003',
      input_cache_write: '0.00000375',
      input_cache_write_1h: '0.000006',
    });
    const entries = [{ provider: 'openai', model: 'gpt-4o', input_usd_per_million: '1', output_usd_per_million: '2' }];
    const own = { organizationId: 'o', prices: { version: 'a'.repeat(12), entries } };
    expect(pricingOf('gpt-4o', own), 'of an organisation with prices of its own').toMatchObject({
      prompt: '0.000001',
      completion: '0.000002',
    });
    expect(pricingOf('gpt-4o')).toEqual({
      prompt: '0.0000025',
      completion: '0.00001',
      request: '0',
      image: '0',
      web_search: '0',
      internal_reasoning: '0',
      input_cache_read: '0.0000025',
      input_cache_write: '0.0000025',
    });
  });
  it('has the media that all targets of a model are known to read and to answer with', () => {
    const more = {
      more: {
        classes: { audioInput: 1n, imageOutput: 2n },
        toolCalls: new Map(),
        serviceTiers: new Map(),
        speeds: new Map(),
        inferenceGeos: new Map(),
        longContext: [],
      },
    };
    const catalogue = catalogueOf({
      routes: [
        route('seeing', 'everyone', 'openai:gpt-4o'),
        route('half', 'everyone', 'openai:gpt-4o', 'other:small'),
        route('hearing', 'everyone', 'other:small'),
      ],
      prices: [
        { provider: 'openai', model: 'gpt-4o', price: price(1n) },
        { provider: 'other', model: 'small', price: price(1n, more) },
      ],
    });
    const { data } = ask('/api/v1/models', { catalogue }) as unknown as {
      data: { id: string; architecture: { modality: string } }[];
    };
    expect(Object.fromEntries(data.map(({ id, architecture }) => [id, architecture.modality]))).toEqual({
      seeing: 'text+image->text',
      half: 'text->text',
      hearing: 'text+audio->text+image',
    });
  });
  it('has the shape of Anthropic for callers that send its version, on both bases', () => {
    for (const url of ['/v1/models?limit=1000', '/api/v1/models?beta=true'])
      expect(ask(url, { headers: ANTHROPIC })).toEqual({
        data: expect.arrayContaining([
          {
            type: 'model',
            id: 'claude-sonnet-4-5',
            display_name: 'claude-sonnet-4-5',
            created_at: '1970-01-01T00:00:00Z',
          },
        ]) as unknown,
        has_more: false,
        first_id: 'claude-sonnet-4-5',
        last_id: 'team/a b',
      });
    expect(ask('/v1/models', { headers: ANTHROPIC, models: [] })).toEqual({
      data: [],
      has_more: false,
      first_id: null,
      last_id: null,
    });
  });
  it.each(['limit=0', 'limit=1001', 'limit=x', 'limit=', 'limit=-1', 'limit=1.5', 'after_id=a&before_id=b'])(
    'refuses a page of Anthropic with %s',
    (query) => {
      expect(ask(`/v1/models?${query}`, { headers: ANTHROPIC })).toMatchObject({ code: 'invalid_request' });
    },
  );
  it('is the same in pages of any size, from either end, though the last id is gone', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9/:.-]{1,6}$/), { maxLength: 40 });
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 7 }), fc.boolean(), (all, limit, forward) => {
        const config = {
          routes: all.map((name) => route(name, 'everyone', 'openai:gpt-4o')),
          prices: CONFIG.prices,
        };
        const catalogue = catalogueOf(config);
        const seen: string[] = [];
        // Behind all of these names.
        let cursor = forward ? null : '~';
        for (let turns = 0; turns <= all.length; turns++) {
          const query = new URLSearchParams({
            limit: String(limit),
            ...(cursor !== null && { [forward ? 'after_id' : 'before_id']: cursor }),
          });
          const page = ask(`/v1/models?${query}`, { headers: ANTHROPIC, catalogue }) as Record<string, unknown>;
          const ids = idsIn(page);
          if (forward) seen.push(...ids);
          else seen.unshift(...ids);
          cursor = (forward ? page['last_id'] : page['first_id']) as string | null;
          if (page['has_more'] !== true) break;
        }
        expect(seen).toEqual([...all].sort());
      }),
      { numRuns: 50 },
    );
  });
});

describe('one model', () => {
  it.each([
    ['/v1/models/gpt-4o', 'gpt-4o'],
    ['/v1/models/gpt-4o/?x=1', 'gpt-4o'],
    ['/v1/models/gpt-4.1-nano', 'gpt-4.1-nano'],
    ['/v1/models/team%2Fa%20b', 'team/a b'],
    ['/v1/models/team/a%20b', 'team/a b'],
    ['//v1//models/claude-x', 'claude-x'],
  ])('is told at %s', (url, id) => {
    expect(ask(url)).toMatchObject({ id, object: 'model', owned_by: expect.any(String) as unknown });
    expect(ask(url, { headers: ANTHROPIC })).toMatchObject({ id, type: 'model', display_name: id });
    expect(ask(`/api${url.replace('//v1', '/v1')}`)).toMatchObject({ id, object: 'model', pricing: {} });
  });
  it('is refused as a call of it would be', () => {
    expect(ask('/v1/models/nothing')).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect(ask('/v1/models/%zz')).toMatchObject({ code: 'model_not_found' });
    expect(ask('/v1/models/%00')).toMatchObject({ code: 'model_not_found' });
    expect(ask('/v1/models/vip')).toMatchObject({ code: 'route_access_denied' });
    expect(ask('/v1/models/gpt-4o', { models: ['support-bot'] })).toMatchObject({ code: 'model_access_denied' });
    expect(ask('/v1/models/away')).toMatchObject({ code: 'provider_not_configured' });
  });
});

describe('a price for one token', () => {
  it.each([
    [0n, '0'],
    [1n, '0.000000000000001'],
    [150_000_000n, '0.00000015'],
    [2_500_000_000n, '0.0000025'],
    [1_000_000_000_000_000n, '1'],
    [12_345_000_000_000_000n, '12.345'],
  ])('of %s nano-USD for a million is %s', (nano, text) => {
    expect(usdPerToken(nano)).toBe(text);
  });
});
