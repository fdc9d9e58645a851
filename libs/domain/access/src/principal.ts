import type { Scope } from '@tollgate/api-key';
import { unreachable } from '@tollgate/errors';
import type { Role } from './role.js';

/**
 * Who asks. Every credential ends up as one of these, the same in all services, and decisions are made about it alone.
 * `organizationId` is the organisation that the request is about.
 */
export type Principal = OperatorPrincipal | ApiKeyPrincipal | PersonPrincipal;

/** Whoever holds the admin secret: may act in any organisation. */
export interface OperatorPrincipal {
  readonly kind: 'operator';
  readonly organizationId: string;
}

/** An API key that asks the admin API. It acts in its own organisation and in no other. */
export interface ApiKeyPrincipal {
  readonly kind: 'api_key';
  readonly apiKeyId: string;
  readonly organizationId: string;
  readonly scopes: readonly Scope[];
  /** The project of a project key of which both halves were shown; left out for all other keys. */
  readonly projectId?: string;
  /** Its project and its groups, whose budgets limit it as well; left out for none. */
  readonly boundBy?: { readonly projectId: string | null; readonly groupIds: readonly string[] };
}

/** A person with a session. */
export interface PersonPrincipal {
  readonly kind: 'person';
  readonly personId: string;
  readonly sessionId: string;
  /** Null if the person belongs to no organisation. */
  readonly organizationId: string | null;
  /** The role in that organisation, read with this request; null with the organisation. */
  readonly role: Role | null;
  /** The only organisation that the session may act in; left out, it may act in all of the person's. */
  readonly confinedTo?: string;
  /**
   * The person belongs to the organisation that was asked about, which is open only to sessions that began at its
   * identity provider, and this one did not. `organizationId` and `role` are null then.
   */
  readonly oidcRequired?: true;
  /** When the person last proved who they are in this session, in milliseconds since 1970: for the step-up. */
  readonly provenAtMs: number;
}

/**
 * A name of who asks, the same for each of their requests: repetitions of a request are told by it.
 *
 * @example
 * principalName({ kind: 'person', personId: 'p', … }); // 'person:p'
 */
export function principalName(principal: Principal): string {
  switch (principal.kind) {
    case 'operator':
      return 'operator';
    case 'api_key':
      return `api_key:${principal.apiKeyId}`;
    case 'person':
      return `person:${principal.personId}`;
    default:
      return unreachable(principal);
  }
}
