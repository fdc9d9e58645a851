import { SCOPES, type Scope } from '@tollgate/api-key';
import { ERRORS } from '@tollgate/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RouteOpenTo } from './closed-models.js';
import {
  checkAddress,
  checkRoute,
  checkScope,
  decideAccess,
  isAccessRefused,
  isOpenToAll,
  type RouteAccess,
  type TargetAccess,
  type AccessRequest,
} from './decide-access.js';
import { compileKeyAccess } from './key-access.js';

const key = compileKeyAccess({
  scopes: ['inference:write'],
  allowedIps: ['192.0.2.0/24'],
  models: ['gpt-*', 'nobody'],
});
function route(name: string, access: RouteOpenTo, targets: readonly TargetAccess[]): RouteAccess {
  return { name, access, open: isOpenToAll({ access, targets }), targets };
}
const routes = new Map([
  ['gpt-4o', route('gpt-4o', 'everyone', [{}])],
  ['claude', route('claude', 'everyone', [{}])],
  ['nobody', route('nobody', 'everyone', [])],
]);
const findRoute = (model: string) => routes.get(model) ?? null;
const right = { address: '192.0.2.7', scope: 'inference:write', model: 'gpt-4o' } as const;
const decide = (request: Partial<{ address: string; scope: Scope; model: string }>, of = key) =>
  decideAccess(of, { ...right, ...request }, findRoute);

describe('the decision about one use of a key', () => {
  it('allows what every rule allows, and gives the route back', () => {
    expect(decide({})).toEqual({ kind: 'allowed', route: routes.get('gpt-4o') });
  });

  it('refuses a web page where the key is not for any, after the address and before the scope', () => {
    const guarded = compileKeyAccess({ scopes: [], allowedIps: ['192.0.2.0/24'], models: null, browserUse: 'refused' });
    const rule = (request: Partial<AccessRequest>) => {
      const decision = decideAccess(guarded, { ...right, ...request }, findRoute);
      return decision.kind === 'refused' && decision.rule;
    };
    expect(rule({ fromPage: true })).toBe('browser');
    expect(rule({ fromPage: true, address: '198.51.100.1' })).toBe('address');
    expect(rule({})).toBe('scope');
  });

  it('tells a project key from one that lacks a scope', () => {
    const project = compileKeyAccess({ scopes: [], allowedIps: null, models: null, kind: 'project' });
    expect(checkScope(project, 'inference:read')).toEqual({
      kind: 'refused',
      rule: 'project_key',
      code: 'access_denied',
    });
  });

  it('refuses by each rule alone, with its code', () => {
    expect(decide({ address: '198.51.100.7' })).toEqual({ kind: 'refused', rule: 'address', code: 'ip_not_allowed' });
    expect(decide({ scope: 'admin' })).toEqual({
      kind: 'refused',
      rule: 'scope',
      code: 'access_denied',
      scope: 'admin',
    });
    expect(decide({ model: 'gpt-5' })).toEqual({ kind: 'refused', rule: 'route', code: 'model_not_found' });
    expect(decide({ model: 'claude' })).toEqual({ kind: 'refused', rule: 'model', code: 'model_access_denied' });
    expect(decide({ model: 'nobody' })).toEqual({
      kind: 'refused',
      rule: 'provider',
      code: 'provider_not_configured',
    });
  });

  it('allows a key without lists everything but a scope that it lacks', () => {
    const open = compileKeyAccess({ scopes: ['inference:write'], allowedIps: null, models: null });
    for (const address of ['198.51.100.7', '', 'localhost'])
      for (const model of ['gpt-4o', 'claude']) expect(decide({ address, model }, open).kind).toBe('allowed');
    for (const scope of SCOPES.filter((each) => each !== 'inference:write'))
      expect(decide({ scope }, open)).toMatchObject({ rule: 'scope', scope });
  });

  it('tells a name that nobody serves to every key, and a missing provider only to one that may use the model', () => {
    const narrow = compileKeyAccess({ ...right, scopes: ['inference:write'], allowedIps: null, models: [] });
    expect(decide({ model: 'gpt-5' }, narrow)).toMatchObject({ code: 'model_not_found' });
    expect(decide({ model: 'nobody' }, narrow)).toMatchObject({ code: 'model_access_denied' });
  });

  it('allows no address that cannot be read, where there is a list', () => {
    for (const address of ['', 'localhost', '192.0.2.7, 192.0.2.8'])
      expect(decide({ address })).toMatchObject({ code: 'ip_not_allowed' });
  });

  it('is that of the single checks in their order', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('192.0.2.7', '198.51.100.7'),
        fc.constantFrom(...SCOPES),
        fc.constantFrom('gpt-4o', 'gpt-5', 'claude', 'nobody'),
        (address, scope, model) => {
          const decision = decideAccess(key, { address, scope, model }, findRoute);
          const route = checkRoute(key, model, findRoute(model));
          const refused =
            checkAddress(key, address) ?? checkScope(key, scope) ?? (isAccessRefused(route) ? route : null);
          expect(decision).toEqual(refused ?? { kind: 'allowed', route });
        },
      ),
    );
  });

  it('has a code of the catalogue for each rule, and none of them is worth a repetition but a missing provider', () => {
    const refusals = [{ address: '' }, { scope: 'admin' as const }, { model: '?' }, { model: 'claude' }].map(codeOf);
    for (const code of refusals) expect(ERRORS[code].status).toBeLessThan(500);
    expect(ERRORS[codeOf({ model: 'nobody' })].status).toBe(503);
  });
});

function codeOf(request: Parameters<typeof decide>[0]) {
  const decision = decide(request);
  if (decision.kind === 'allowed') throw new Error('a refusal is expected');
  return decision.code;
}
