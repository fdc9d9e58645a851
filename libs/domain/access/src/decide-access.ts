import type { Scope } from '@tollgate/api-key';
import type { ErrorCode } from '@tollgate/errors';
import type { KeyAccess } from './key-access.js';

interface Refused<Rule extends string, Code extends ErrorCode> {
  readonly kind: 'refused';
  readonly rule: Rule;
  /** What the caller is answered with. */
  readonly code: Code;
}

/** The rule that refuses a request, with what it is about. */
export type AccessRefused =
  /** The key may not be used from this address. An address that cannot be read may not either. */
  | Refused<'address', 'ip_not_allowed'>
  /** The key lacks a scope. */
  | (Refused<'scope', 'access_denied'> & { readonly scope: Scope })
  /** No route answers to the model's name. */
  | Refused<'route', 'model_not_found'>
  /** The key's list of models does not have the name that the caller wrote. */
  | Refused<'model', 'model_access_denied'>
  /** None of the route's providers can be called. */
  | Refused<'provider', 'provider_not_configured'>;

/** What is decided about a route: whether anybody can serve it. */
export interface RouteAccess {
  /** Those whose provider can be called. */
  readonly targets: readonly unknown[];
}

/** One use of a key. */
export interface AccessRequest {
  /** The caller's, as the operating system or a proxy that is believed tells it. */
  readonly address: string;
  /** What the endpoint asks of a key. */
  readonly scope: Scope;
  /** As the caller wrote it. */
  readonly model: string;
}

/** The answer about one use of a key; `route` is the one that serves it. */
export type AccessDecision<R extends RouteAccess> = { readonly kind: 'allowed'; readonly route: R } | AccessRefused;

const WRONG_ADDRESS: AccessRefused = { kind: 'refused', rule: 'address', code: 'ip_not_allowed' };
const NO_ROUTE: AccessRefused = { kind: 'refused', rule: 'route', code: 'model_not_found' };
const NOT_LISTED: AccessRefused = { kind: 'refused', rule: 'model', code: 'model_access_denied' };
const NO_PROVIDER: AccessRefused = { kind: 'refused', rule: 'provider', code: 'provider_not_configured' };

/** Null where the key may be used from this address. */
export function checkAddress(
  { allowsAddress }: Pick<KeyAccess, 'allowsAddress'>,
  address: string,
): AccessRefused | null {
  return allowsAddress === null || allowsAddress(address) ? null : WRONG_ADDRESS;
}

/** Null where the key has this scope, by its very name: no scope stands for another. */
export function checkScope({ scopes }: Pick<KeyAccess, 'scopes'>, scope: Scope): AccessRefused | null {
  return scopes.includes(scope) ? null : { kind: 'refused', rule: 'scope', code: 'access_denied', scope };
}

/**
 * The route, where the key may use it, else why not. The key's list of models is compared with the name that the caller
 * wrote, not with the provider's. A name that nobody serves is `model_not_found` for every key; which providers lack a
 * credential is told only to a key that may use the model.
 */
export function checkRoute<R extends RouteAccess>(
  { allowsModel }: Pick<KeyAccess, 'allowsModel'>,
  model: string,
  route: R | null,
): R | AccessRefused {
  if (route === null) return NO_ROUTE;
  if (allowsModel !== null && !allowsModel(model)) return NOT_LISTED;
  return route.targets.length === 0 ? NO_PROVIDER : route;
}

/** Tells a refusal from the route that `checkRoute` gives back. */
export function isAccessRefused(answer: RouteAccess | AccessRefused): answer is AccessRefused {
  return 'rule' in answer;
}

/**
 * Whether a key may be used so: the same checks in the same order as on a gateway's request path, and the rule that
 * refuses is the first that does. Whether the key lives, and whether it has credit, is decided elsewhere.
 *
 * @example
 * const key = compileKeyAccess(snapshot);
 * const decision = decideAccess(key, { address: '192.0.2.7', scope: 'inference:write', model: 'gpt-4o' }, findRoute);
 * if (decision.kind === 'refused') explain(decision.rule, decision.code);
 */
export function decideAccess<R extends RouteAccess>(
  key: KeyAccess,
  { address, scope, model }: AccessRequest,
  findRoute: (model: string) => R | null,
): AccessDecision<R> {
  const early = checkAddress(key, address) ?? checkScope(key, scope);
  if (early !== null) return early;
  const route = checkRoute(key, model, findRoute(model));
  return isAccessRefused(route) ? route : { kind: 'allowed', route };
}
