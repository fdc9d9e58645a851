import { SCOPES, type Scope } from '@tollgate/api-key';
import { unreachable } from '@tollgate/errors';
import type { Principal } from './principal.js';
import { isAtLeast, type Role } from './role.js';

/** What each role may put into keys. Nothing that it could not do itself: a member reads usage and calls models. */
const SCOPES_OF_ROLE: Readonly<Record<Role, readonly Scope[]>> = {
  viewer: [],
  member: SCOPES.filter((scope) => scope !== 'admin'),
  admin: SCOPES,
  owner: SCOPES,
};

/** The role that a principal counts as in its organisation; null for none. A key with the scope `admin` is an admin. */
export function roleOf(principal: Principal): Role | null {
  switch (principal.kind) {
    case 'operator':
      return 'owner';
    case 'api_key':
      return principal.scopes.includes('admin') ? 'admin' : null;
    case 'person':
      return principal.role;
    default:
      return unreachable(principal);
  }
}

/** The scopes that a principal may put into a key of its organisation. */
export function grantableScopes(principal: Principal): readonly Scope[] {
  const role = roleOf(principal);
  return role === null ? [] : SCOPES_OF_ROLE[role];
}

/** The scopes among these that are above what the principal may give; empty where it may give all. */
export function scopesAbove(principal: Principal, scopes: readonly Scope[]): readonly Scope[] {
  const grantable = grantableScopes(principal);
  return scopes.filter((scope) => !grantable.includes(scope));
}

/** Whether the principal may make a key with these scopes. */
export function mayGrantScopes(principal: Principal, scopes: readonly Scope[]): boolean {
  return scopesAbove(principal, scopes).length === 0;
}

/**
 * Whether the principal may give a role of its organisation to somebody: at most its own, and none below admin gives
 * any. Ask it when an invitation is made, and again about the inviter as they are when it is accepted.
 */
export function mayGrantRole(principal: Principal, role: Role): boolean {
  return roleMayGrant(roleOf(principal), role);
}

/** The same for somebody of whom the role alone is known; null for none. */
export function roleMayGrant(own: Role | null, role: Role): boolean {
  return own !== null && isAtLeast(own, 'admin') && isAtLeast(own, role);
}

/** Whether the principal may change or remove a member who has a role: nobody touches a role above their own. */
export function mayChangeMember(principal: Principal, role: Role): boolean {
  return mayGrantRole(principal, role);
}
