import type { Scope } from '@tollgate/api-key';
import type { ErrorCode } from '@tollgate/errors';
import type { KeyAccess } from './key-access.js';

interface Refused<Rule extends string, Code extends ErrorCode> {
  readonly kind: 'refused';
  readonly rule: Rule;
  /** The error code of the reply. */
  readonly code: Code;
}

/** A refusal: the rule that caused it, with its details. */
export type AccessRefused =
  /** The key may not be used from this address, or the address cannot be parsed. */
  | Refused<'address', 'ip_not_allowed'>
  /** The key lacks a scope. */
  | (Refused<'scope', 'access_denied'> & { readonly scope: Scope })
  /** No route has the model's name. */
  | Refused<'route', 'model_not_found'>
  /** The key's list of models does not match the name that the caller sent. */
  | Refused<'model', 'model_access_denied'>
  /** None of the route's providers can be called. */
  | Refused<'provider', 'provider_not_configured'>;

/** The part of a route that the decision needs: whether a provider can serve it. */
export interface RouteAccess {
  /** The targets whose provider can be called. */
  readonly targets: readonly unknown[];
}

/** One use of a key. */
export interface AccessRequest {
  /** The caller's address, from the connection or from a trusted proxy. */
  readonly address: string;
  /** The scope that the endpoint requires. */
  readonly scope: Scope;
  /** The model's name as the caller sent it. */
  readonly model: string;
}

/** The decision about one use of a key. `route` is the route that serves it. */
export type AccessDecision<R extends RouteAccess> = { readonly kind: 'allowed'; readonly route: R } | AccessRefused;

const WRONG_ADDRESS: AccessRefused = { kind: 'refused', rule: 'address', code: 'ip_not_allowed' };
const NO_ROUTE: AccessRefused = { kind: 'refused', rule: 'route', code: 'model_not_found' };
const NOT_LISTED: AccessRefused = { kind: 'refused', rule: 'model', code: 'model_access_denied' };
const NO_PROVIDER: AccessRefused = { kind: 'refused', rule: 'provider', code: 'provider_not_configured' };

/** Null if the key may be used from this address. */
export function checkAddress(
  { allowsAddress }: Pick<KeyAccess, 'allowsAddress'>,
  address: string,
): AccessRefused | null {
  return allowsAddress === null || allowsAddress(address) ? null : WRONG_ADDRESS;
}

/** Null if the key has exactly this scope: no scope includes another. */
export function checkScope({ scopes }: Pick<KeyAccess, 'scopes'>, scope: Scope): AccessRefused | null {
  return scopes.includes(scope) ? null : { kind: 'refused', rule: 'scope', code: 'access_denied', scope };
}

/**
 * Returns the route if the key may use it, else the refusal. The key's list of models is compared with the name that
 * the caller sent, not with the provider's. A name without a route is `model_not_found` for every key. That a provider
 * has no credential is disclosed only to a key that may use the model.
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

/** Whether the result of `checkRoute` is a refusal and not a route. */
export function isAccessRefused(answer: RouteAccess | AccessRefused): answer is AccessRefused {
  return 'rule' in answer;
}

/**
 * Decides about one use of a key with the same checks in the same order as the gateway's request path. The first rule
 * that refuses is returned. Whether the key is valid, and whether it has credit, is decided elsewhere.
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
