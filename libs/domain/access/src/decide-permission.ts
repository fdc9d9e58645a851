import type { Scope } from '@tollgate/api-key';
import { unreachable } from '@tollgate/errors';
import type { OrganizationPermission, Permission } from './permissions.js';
import type { ApiKeyPrincipal, PersonPrincipal, Principal } from './principal.js';
import { isAtLeast, type Role } from './role.js';

/** For how long a person counts as just proven, in milliseconds. */
export const STEP_UP_MS = 10 * 60_000;

/** The scopes that open anything of the admin API. */
export const ADMIN_API_SCOPES = ['admin', 'analytics:read'] as const satisfies readonly Scope[];

/** The decision about one call of the admin API. `reason` says which rule refused. */
export type PermissionDecision =
  | { readonly kind: 'allowed' }
  /** Nobody is known to ask, and the route needs somebody. */
  | { readonly kind: 'refused'; readonly reason: 'nobody' }
  /** Only the admin secret may do this. */
  | { readonly kind: 'refused'; readonly reason: 'operator_only' }
  /** Only a person may do this, by a session. */
  | { readonly kind: 'refused'; readonly reason: 'person_only' }
  /** Only an API key may ask this, about itself. */
  | { readonly kind: 'refused'; readonly reason: 'key_only' }
  /** Only a project key may ask this, with both halves. */
  | { readonly kind: 'refused'; readonly reason: 'project_key_only' }
  /** No key may do this: it takes a person of this role. */
  | { readonly kind: 'refused'; readonly reason: 'no_key'; readonly role: Role }
  /** The key has none of these scopes. */
  | { readonly kind: 'refused'; readonly reason: 'scope'; readonly scopes: readonly Scope[] }
  /** The person's role in the organisation is below this one. */
  | { readonly kind: 'refused'; readonly reason: 'role'; readonly role: Role }
  /** The person belongs to no organisation, or not to the one that was asked about. */
  | { readonly kind: 'refused'; readonly reason: 'no_organization' }
  /** The organisation is open only to sessions that began at its identity provider. */
  | { readonly kind: 'refused'; readonly reason: 'oidc_required' }
  /** The person must first prove again who they are. */
  | { readonly kind: 'refused'; readonly reason: 'step_up' };

const ALLOWED: PermissionDecision = { kind: 'allowed' };
const NO_ORGANIZATION: PermissionDecision = { kind: 'refused', reason: 'no_organization' };

/**
 * Whether who asks may use a route. `principal` is null for nobody. That the principal may act in its organisation at
 * all is settled before: a person's `role` is that in `organizationId`, and a key's organisation is its own.
 * `nowMs` is in milliseconds since 1970.
 */
export function decidePermission(
  principal: Principal | null,
  permission: Permission,
  nowMs: number,
): PermissionDecision {
  if (permission.kind === 'anyone') return ALLOWED;
  if (principal === null) return { kind: 'refused', reason: 'nobody' };
  switch (permission.kind) {
    case 'identified':
      return principal.kind === 'api_key' ? checkScopes(principal, ADMIN_API_SCOPES) : ALLOWED;
    case 'person':
      return principal.kind === 'person' ? ALLOWED : { kind: 'refused', reason: 'person_only' };
    case 'operator':
      return principal.kind === 'operator' ? ALLOWED : { kind: 'refused', reason: 'operator_only' };
    case 'key':
      return principal.kind === 'api_key' ? ALLOWED : { kind: 'refused', reason: 'key_only' };
    case 'project_key':
      return principal.kind === 'api_key' && principal.projectId !== undefined
        ? ALLOWED
        : { kind: 'refused', reason: 'project_key_only' };
    case 'organization':
      return inOrganization(principal, permission, nowMs);
    default:
      return unreachable(permission);
  }
}

function inOrganization(principal: Principal, permission: OrganizationPermission, nowMs: number): PermissionDecision {
  switch (principal.kind) {
    case 'operator':
      return ALLOWED;
    case 'api_key':
      return permission.scope === null
        ? { kind: 'refused', reason: 'no_key', role: permission.role }
        : checkScopes(principal, permission.scope === 'admin' ? ['admin'] : [permission.scope, 'admin']);
    case 'person':
      return checkPerson(principal, permission, nowMs);
    default:
      return unreachable(principal);
  }
}

function checkScopes({ scopes }: ApiKeyPrincipal, needed: readonly Scope[]): PermissionDecision {
  return needed.some((scope) => scopes.includes(scope))
    ? ALLOWED
    : { kind: 'refused', reason: 'scope', scopes: needed };
}

function checkPerson(person: PersonPrincipal, { role, stepUp }: OrganizationPermission, nowMs: number) {
  if (person.oidcRequired === true) return { kind: 'refused', reason: 'oidc_required' } as const;
  if (person.organizationId === null || person.role === null) return NO_ORGANIZATION;
  if (!isAtLeast(person.role, role)) return { kind: 'refused', reason: 'role', role } as const;
  // Written so that a moment that is no number proves nothing.
  const age = nowMs - person.provenAtMs;
  return stepUp === true && !(age < STEP_UP_MS) ? ({ kind: 'refused', reason: 'step_up' } as const) : ALLOWED;
}
