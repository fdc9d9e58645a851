import type { Permission } from '@tollgate/access';
import { unreachable, type ErrorCode } from '@tollgate/errors';
import type { JsonObject, Method } from './openapi-document.js';
import type { Credential } from './route-docs.js';

type Requirement = Readonly<Partial<Record<Credential, readonly string[]>>>;

/** What a permission asks callers to show: one of these, with the scope or the role that it must have. */
export function securityOf(permission: Permission): readonly Requirement[] {
  switch (permission.kind) {
    case 'anyone':
      return [];
    case 'identified':
      return [{ adminSecret: [] }, { apiKey: [] }, { session: [] }];
    case 'person':
      return [{ session: [] }];
    case 'operator':
      return [{ adminSecret: [] }];
    case 'key':
      return [{ apiKey: [] }];
    case 'project_key':
      return [{ projectKey: [] }];
    case 'organization': {
      const { role, scope } = permission;
      return [{ adminSecret: [] }, ...(scope === null ? [] : [{ apiKey: [scope] }]), { session: [role] }];
    }
    default:
      return unreachable(permission);
  }
}

/** The permission as the document has it for programs, under `x-permission`. */
export function permissionObject(permission: Permission): JsonObject {
  if (permission.kind === 'anyone') {
    const { kind, fromAnyPage = false } = permission;
    return fromAnyPage ? { kind, from_any_page: true } : { kind };
  }
  if (permission.kind !== 'organization') return { kind: permission.kind };
  const { kind, role, scope, stepUp = false, handsOut = null } = permission;
  return { kind, role, scope, step_up: stepUp, hands_out: handsOut };
}

const HANDED_OUT = {
  role: "The role that is given may not be above the giver's own.",
  scopes: "The scopes that are given may not be more than the giver's own.",
} as const;

/** The permission in a sentence or two, for people. */
export function permissionText(permission: Permission): string {
  switch (permission.kind) {
    case 'anyone':
      return permission.fromAnyPage === true
        ? 'No credential is needed, and pages of every origin may ask it: none that is sent is looked at.'
        : 'No credential is needed.';
    case 'identified':
      return 'For the admin secret, for a session, and for an API key with the scope `admin` or `analytics:read`.';
    case 'person':
      return "For sessions alone: it is about the person's own account.";
    case 'operator':
      return 'For the admin secret alone.';
    case 'key':
      return 'For every API key, whatever its scopes: it is about the key itself.';
    case 'project_key':
      return 'For project keys, with both halves.';
    case 'organization': {
      const { role, scope, stepUp, handsOut } = permission;
      const people = role === 'owner' ? 'an owner of the organisation' : `a member whose role is \`${role}\` or above`;
      const keys = scope === null ? [] : [`an API key with the scope \`${scope}\``];
      return [
        `For the admin secret, ${[...keys, people].join(', and ')}.`,
        ...(scope === null ? ['No API key may do this.'] : []),
        ...(stepUp === true ? ['A session must have proved within 10 minutes who its person is.'] : []),
        ...(handsOut === undefined ? [] : [HANDED_OUT[handsOut]]),
      ].join(' ');
    }
    default:
      return unreachable(permission);
  }
}

/** The error codes with which the guard of a permission refuses. */
export function permissionRefusals(permission: Permission, method: Method): readonly ErrorCode[] {
  const ofPages: ErrorCode[] = method === 'get' ? [] : ['foreign_origin'];
  if (permission.kind === 'anyone') return permission.fromAnyPage === true ? [] : ofPages;
  const byCookie: ErrorCode[] = method === 'get' || permission.kind === 'operator' ? [] : ['invalid_csrf_token'];
  const ofOrganizations: ErrorCode[] = permission.kind === 'person' ? [] : ['organization_not_found'];
  const stepUp = permission.kind === 'organization' && permission.stepUp === true;
  return [
    'missing_credential',
    'invalid_credential',
    'ip_not_allowed',
    'access_denied',
    'rate_limit_exceeded',
    'keys_unavailable',
    ...ofPages,
    ...byCookie,
    ...ofOrganizations,
    ...(stepUp ? (['step_up_required'] as const) : []),
  ];
}
