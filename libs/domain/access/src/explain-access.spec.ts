import { SCOPES, type ActiveSnapshot, type KeySnapshot, type OrganizationSnapshot } from '@tollgate/api-key';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideAccess, isOpenToAll, type RouteAccess } from './decide-access.js';
import { explainAccess, type SupposedUse } from './explain-access.js';
import { compileKeyAccess } from './key-access.js';
import { endOf } from './key-end.js';

const NOW = 1_796_000_000_000;
const route = (name: string, access: RouteAccess['access'], targets: RouteAccess['targets'] = [{}]): RouteAccess => ({
  name,
  access,
  open: isOpenToAll({ access, targets }),
  targets,
});
const ROUTES = [
  route('open', 'everyone'),
  route('vip', 'groups'),
  route('led', 'everyone', [{ closedBy: ['vip'] }]),
  route('away', 'everyone', []),
];
const findRoute = (model: string) => ROUTES.find(({ name }) => name === model) ?? null;
const ORGANIZATION: OrganizationSnapshot = {
  organizationId: 'o',
  version: 1,
  state: 'active',
  capNanoUsd: null,
  groupRoutes: { g: ['vip'], h: ['open'] },
};
const KEY: ActiveSnapshot = {
  form: 2,
  apiKeyId: 'k',
  organizationId: 'o',
  version: 1,
  digests: [],
  state: 'active',
  name: 'k',
  scopes: ['inference:write'],
  expiresAtMs: null,
  models: null,
  allowedIps: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  accounts: [],
};
const ENDED: NonNullable<ActiveSnapshot['subscription']> = {
  subscriptionId: 's',
  anchorMs: 0,
  quotas: [{ fromMs: 0, quotaNanoUsd: '1' }],
  endsAtMs: NOW,
  payg: null,
};
const USE: SupposedUse = {
  address: '192.0.2.1',
  scope: 'inference:write',
  model: 'open',
  fromPage: false,
  nowMs: NOW,
};
const explain = (key: Partial<ActiveSnapshot>, use: Partial<SupposedUse> = {}, ended?: KeySnapshot) => {
  const rules = { ...KEY, ...key };
  return explainAccess({ snapshot: ended ?? rules, rules }, ORGANIZATION, { ...USE, ...use }, findRoute);
};
const passing = (checked: ReturnType<typeof explain>['checked']) =>
  Object.fromEntries(checked.map(({ rule, passes }) => [rule, passes]));

describe('an explanation of what a key may do', () => {
  it('says of each rule that it passes where nothing stops the use', () => {
    const { stop, checked } = explain({});
    expect(stop).toBeNull();
    expect(checked.map(({ rule }) => rule)).toEqual([
      'state',
      'address',
      'browser',
      'scope',
      'route',
      'access',
      'model',
      'provider',
    ]);
    expect(checked.every(({ passes }) => passes === true)).toBe(true);
  });

  it.each<[string, string, Partial<ActiveSnapshot>, Partial<SupposedUse>]>([
    ['state', 'expired_api_key', { expiresAtMs: NOW }, {}],
    ['state', 'subscription_expired', { state: 'subscribed', subscription: ENDED }, {}],
    ['address', 'ip_not_allowed', { allowedIps: ['10.0.0.0/8'] }, {}],
    ['address', 'ip_not_allowed', { allowedIps: ['10.0.0.0/8'] }, { address: '' }],
    ['browser', 'access_denied', { browserUse: 'refused' }, { fromPage: true }],
    ['scope', 'access_denied', { scopes: ['admin'] }, {}],
    ['route', 'model_not_found', {}, { model: 'nothing' }],
    ['access', 'route_access_denied', {}, { model: 'vip' }],
    ['access', 'route_access_denied', { groups: ['h'] }, { model: 'led' }],
    ['model', 'model_access_denied', { models: ['other'] }, {}],
    ['provider', 'provider_not_configured', {}, { model: 'away' }],
  ])('names the rule %s that stops it, with the code %s', (rule, code, key, use) => {
    const { stop, checked } = explain(key, use);
    expect(stop).toMatchObject({ rule, code });
    expect(passing(checked)[rule]).toBe(false);
  });

  it('goes on to the rules behind one that refuses, and leaves out what was not asked', () => {
    const all = { expiresAtMs: NOW, allowedIps: ['10.0.0.0/8'], scopes: ['admin'], models: ['other'] } as const;
    expect(passing(explain(all).checked)).toEqual({
      state: false,
      address: false,
      browser: true,
      scope: false,
      route: true,
      access: true,
      model: false,
      provider: null,
    });
    const nothing = { address: null, scope: null, model: null };
    expect(explain(all, nothing).stop).toEqual({ rule: 'state', code: 'expired_api_key' });
    expect(passing(explain(all, nothing).checked)).toEqual({
      state: false,
      address: null,
      browser: true,
      scope: null,
      route: null,
      access: null,
      model: null,
      provider: null,
    });
  });

  it('says of a key that has ended what else would stop it', () => {
    const { form, apiKeyId, organizationId, version, digests } = KEY;
    for (const reason of ['revoked', 'disabled', 'leaked'] as const) {
      const tombstone = { form: form!, apiKeyId, organizationId, version, digests, state: 'revoked', reason } as const;
      const { stop, checked } = explain({}, { model: 'vip' }, tombstone);
      expect(stop).toEqual({ rule: 'state', code: 'invalid_api_key' });
      expect(passing(checked)).toMatchObject({ state: false, address: true, access: false });
    }
  });

  it('is what a gateway decides, for any key and any request', () => {
    const some = <T>(...values: T[]) => fc.constantFrom(...values);
    const key = fc.record({
      scopes: fc.subarray([...SCOPES], { minLength: 1 }),
      expiresAtMs: some(null, NOW - 1, NOW, NOW + 1),
      models: some(null, ['open'], ['v*'], ['nothing', 'away']),
      allowedIps: some(null, ['192.0.2.0/24'], ['2001:db8::/32']),
      groups: some(undefined, [], ['g'], ['h'], ['g', 'h'], ['gone']),
      browserUse: some(undefined, 'allowed' as const, 'refused' as const),
      kind: some(undefined, 'router' as const, 'project' as const),
    });
    const use = fc.record({
      address: some('192.0.2.1', '198.51.100.1', '2001:db8::1', ''),
      scope: some(...SCOPES),
      model: some('open', 'vip', 'led', 'away', 'nothing'),
      fromPage: fc.boolean(),
    });
    fc.assert(
      fc.property(key, use, ({ groups, browserUse, kind, ...fields }, asked) => {
        const snapshot: ActiveSnapshot = {
          ...KEY,
          ...fields,
          ...(groups && { groups }),
          ...(browserUse && { browserUse }),
          ...(kind && { kind }),
        };
        const { stop } = explainAccess(
          { snapshot, rules: snapshot },
          ORGANIZATION,
          { ...asked, nowMs: NOW },
          findRoute,
        );
        const end = endOf(snapshot, NOW);
        const decision = decideAccess(compileKeyAccess(snapshot, ORGANIZATION), asked, findRoute);
        const wanted = end !== null ? { rule: 'state', code: end } : decision.kind === 'refused' ? decision : null;
        expect(stop).toEqual(wanted);
      }),
      { numRuns: 2_000 },
    );
  });
});
