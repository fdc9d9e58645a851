import { SCOPES, type Scope } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import { decidePermission, STEP_UP_MS } from './decide-permission.js';
import { grantableScopes, mayChangeMember, mayGrantRole, mayGrantScopes, scopesAbove } from './may-grant.js';
import { PERMISSIONS, type OrganizationPermission, type Permission } from './permissions.js';
import type { PersonPrincipal, Principal } from './principal.js';
import { ROLES, type Role } from './role.js';

const NOW = Date.UTC(2026, 10, 28);
const operator: Principal = { kind: 'operator', organizationId: 'default' };
const key = (...scopes: Scope[]): Principal => ({
  kind: 'api_key',
  apiKeyId: 'key',
  organizationId: 'default',
  scopes,
});
const person = (role: Role | null, provenAtMs = NOW): PersonPrincipal => ({
  kind: 'person',
  personId: 'person',
  sessionId: 'session',
  organizationId: role === null ? null : 'default',
  role,
  provenAtMs,
});
const callers: readonly [string, Principal | null][] = [
  ['nobody', null],
  ['the operator', operator],
  ...SCOPES.map((scope) => [`a key with ${scope}`, key(scope)] as [string, Principal]),
  ['a key with every scope', key(...SCOPES)],
  ['a project key', { kind: 'api_key', apiKeyId: 'p', organizationId: 'o', scopes: [], projectId: 'a project' }],
  ...ROLES.map((role) => [`a ${role}`, person(role)] as [string, Principal]),
  ...ROLES.map((role) => [`a ${role} proven long ago`, person(role, NOW - STEP_UP_MS)] as [string, Principal]),
  ['a person of no organisation', person(null)],
  ['a person whose organisation demands OpenID Connect', { ...person(null), oidcRequired: true }],
];

/** The rule in other words than the code's, to compare with. */
function expected(principal: Principal | null, permission: Permission): string {
  if (permission.kind === 'anyone') return 'allowed';
  if (principal === null) return 'nobody';
  if (permission.kind === 'key') return principal.kind === 'api_key' ? 'allowed' : 'key_only';
  if (permission.kind === 'project_key') return 'projectId' in principal ? 'allowed' : 'project_key_only';
  if (principal.kind === 'operator') return permission.kind === 'person' ? 'person_only' : 'allowed';
  if (permission.kind === 'operator') return 'operator_only';
  if (permission.kind === 'person') return principal.kind === 'person' ? 'allowed' : 'person_only';
  if (principal.kind === 'api_key') {
    const asked = permission.kind === 'identified' ? 'analytics:read' : permission.scope;
    if (asked === null) return 'no_key';
    return principal.scopes.includes('admin') || principal.scopes.includes(asked) ? 'allowed' : 'scope';
  }
  if (permission.kind === 'identified') return 'allowed';
  if (principal.oidcRequired === true) return 'oidc_required';
  if (principal.role === null) return 'no_organization';
  if (ROLES.indexOf(principal.role) < ROLES.indexOf(permission.role)) return 'role';
  return permission.stepUp && NOW - principal.provenAtMs >= STEP_UP_MS ? 'step_up' : 'allowed';
}

const kinds: readonly Permission[] = [
  { kind: 'anyone' },
  { kind: 'anyone', fromAnyPage: true },
  { kind: 'key' },
  { kind: 'project_key' },
  { kind: 'identified' },
  { kind: 'person' },
  { kind: 'operator' },
  ...ROLES.flatMap((role) =>
    [null, ...SCOPES].flatMap((scope): OrganizationPermission[] => [
      { kind: 'organization', role, scope },
      { kind: 'organization', role, scope, stepUp: true },
    ]),
  ),
];

describe('what a caller may', () => {
  it.each(callers)('is decided for %s by every kind of permission', (_, principal) => {
    for (const permission of kinds) {
      const decision = decidePermission(principal, permission, NOW);
      const said = decision.kind === 'allowed' ? 'allowed' : decision.reason;
      expect(said, JSON.stringify(permission)).toBe(expected(principal, permission));
    }
  });
  it.each(Object.entries(PERMISSIONS))('follows the table at %s', (_, permission) => {
    for (const [name, principal] of callers) {
      const decision = decidePermission(principal, permission, NOW);
      const said = decision.kind === 'allowed' ? 'allowed' : decision.reason;
      expect(said, name).toBe(expected(principal, permission));
    }
  });
  it('is nothing that only an owner may, for any key: an admin can make one for themselves', () => {
    const ofOwners = Object.entries(PERMISSIONS).filter(
      ([, each]) => each.kind === 'organization' && each.role === 'owner',
    );
    expect(ofOwners.length).toBeGreaterThan(0);
    for (const [name, permission] of ofOwners)
      expect(decidePermission(key(...SCOPES), permission, NOW), name).toMatchObject({ reason: 'no_key' });
  });
  it('needs a proof of less than ten minutes for a step-up, and none of a time that is no number', () => {
    const permission: Permission = { kind: 'organization', role: 'owner', scope: null, stepUp: true };
    const proven = (at: number) => decidePermission(person('owner', at), permission, NOW).kind;
    expect([NOW - STEP_UP_MS + 1, NOW - STEP_UP_MS, 0, Number.NaN].map(proven)).toEqual([
      'allowed',
      'refused',
      'refused',
      'refused',
    ]);
  });
});

describe('what a caller may give', () => {
  const roles = (principal: Principal) => ROLES.filter((role) => mayGrantRole(principal, role));
  it('is a role up to its own, and nothing for who is below admin', () => {
    expect(roles(operator)).toEqual(ROLES);
    expect(roles(person('owner'))).toEqual(ROLES);
    expect(roles(person('admin'))).toEqual(['viewer', 'member', 'admin']);
    expect(roles(key('admin'))).toEqual(['viewer', 'member', 'admin']);
    for (const below of [person('member'), person('viewer'), person(null), key('analytics:read'), key()])
      expect(roles(below)).toEqual([]);
  });
  it('lets nobody below an owner change an owner', () => {
    for (const admin of [person('admin'), key('admin')]) {
      expect(mayChangeMember(admin, 'owner')).toBe(false);
      expect(mayChangeMember(admin, 'admin')).toBe(true);
    }
    expect(mayChangeMember(person('owner'), 'owner')).toBe(true);
  });
  it('is scopes that it holds itself', () => {
    for (const all of [operator, key('admin'), person('admin'), person('owner')]) {
      expect(grantableScopes(all)).toEqual(SCOPES);
      expect(mayGrantScopes(all, SCOPES)).toBe(true);
    }
    expect(grantableScopes(person('member'))).toEqual(['inference:read', 'inference:write', 'analytics:read']);
    expect(scopesAbove(person('member'), ['inference:write', 'admin'])).toEqual(['admin']);
    for (const none of [person('viewer'), person(null), key('inference:write', 'analytics:read'), key()]) {
      expect(grantableScopes(none)).toEqual([]);
      expect(mayGrantScopes(none, ['inference:read'])).toBe(false);
    }
  });
});
