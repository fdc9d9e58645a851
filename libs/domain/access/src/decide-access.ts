import type { Scope } from '@tollgate/api-key';
import type { ErrorCode } from '@tollgate/errors';
import type { ClosedBy, RouteOpenTo } from './closed-models.js';
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
  /** The key is not for web pages, and the request comes from one. */
  | Refused<'browser', 'access_denied'>
  /** It is the secret of a project key, which opens no inference. */
  | Refused<'project_key', 'access_denied'>
  /** The key lacks a scope. */
  | (Refused<'scope', 'access_denied'> & { readonly scope: Scope })
  /** No route has the model's name. */
  | Refused<'route', 'model_not_found'>
  /**
   * The route is open to groups only, and none of the key's groups has it. `closedBy` are the routes of which a group
   * of the key must have one: the route itself, or those whose model the caller's name leads to; empty if no route
   * would do.
   */
  | (Refused<'access', 'route_access_denied'> & { readonly route: string; readonly closedBy: readonly string[] })
  /** The key's list of models does not match the name that the caller sent. */
  | Refused<'model', 'model_access_denied'>
  /** None of the route's providers can be called. */
  | Refused<'provider', 'provider_not_configured'>;

/** The part of a target that the decision needs. */
export interface TargetAccess {
  /** The closed routes of which a key must have one to reach it under this name; absent if it needs none. */
  readonly closedBy?: ClosedBy;
}

/** The part of a route that the decision needs: who may use it, and whether a provider can serve it. */
export interface RouteAccess {
  readonly name: string;
  readonly access: RouteOpenTo;
  /** Whether every key may reach all its targets, as far as groups decide. */
  readonly open: boolean;
  /** The targets whose provider can be called. */
  readonly targets: readonly TargetAccess[];
  /** The routes that serve the same name to a key that may not use this one, in order; absent if there are none. */
  readonly others?: readonly RouteAccess[];
}

/** A route whose others are of the same kind. */
export type RouteLike<R> = Omit<RouteAccess, 'others'> & { readonly others?: readonly R[] };

/** Whether every key may reach all targets of a route, as far as groups decide. */
export function isOpenToAll({ access, targets }: Pick<RouteAccess, 'access' | 'targets'>): boolean {
  return access === 'everyone' && targets.every(({ closedBy }) => closedBy === undefined);
}

/** One use of a key. */
export interface AccessRequest {
  /** The caller's address, from the connection or from a trusted proxy. */
  readonly address: string;
  /** The scope that the endpoint requires. */
  readonly scope: Scope;
  /** The model's name as the caller sent it. */
  readonly model: string;
  /** Whether a web page sends the request; false if left out. */
  readonly fromPage?: boolean;
}

/** The decision about one use of a key. `route` is the route that serves it. */
export type AccessDecision<R extends RouteAccess> = { readonly kind: 'allowed'; readonly route: R } | AccessRefused;

const WRONG_ADDRESS: AccessRefused = { kind: 'refused', rule: 'address', code: 'ip_not_allowed' };
const FROM_PAGE: AccessRefused = { kind: 'refused', rule: 'browser', code: 'access_denied' };
const PROJECT_KEY: AccessRefused = { kind: 'refused', rule: 'project_key', code: 'access_denied' };
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

/** Null if the key may be used by web pages, or if none sends the request. */
export function checkBrowser(
  { refusesPages }: Pick<KeyAccess, 'refusesPages'>,
  fromPage: boolean,
): AccessRefused | null {
  return refusesPages && fromPage ? FROM_PAGE : null;
}

/** Null if the key has exactly this scope: no scope includes another. A project key has none. */
export function checkScope(
  { scopes, isProjectKey }: Pick<KeyAccess, 'scopes' | 'isProjectKey'>,
  scope: Scope,
): AccessRefused | null {
  if (scopes.includes(scope)) return null;
  return isProjectKey ? PROJECT_KEY : { kind: 'refused', rule: 'scope', code: 'access_denied', scope };
}

/**
 * Returns the first route of a name that the key may use, else the refusal of the first one. A key may use a route if
 * it is open to everyone or if a group of the key has it, and if the key's list of models allows the name that the
 * caller sent, or the route's name. A name without a route is `model_not_found` for every key. That a provider has no
 * credential is disclosed only to a key that may use the model. Of the route's targets only `reachableTargets` may be
 * called.
 */
export function checkRoute<R extends RouteLike<R>>(
  key: Pick<KeyAccess, 'allowsModel' | 'opens'>,
  model: string,
  route: R | null,
): R | AccessRefused {
  if (route === null) return NO_ROUTE;
  const first = checkOne(key, model, route);
  if (!isAccessRefused(first)) return first;
  for (const other of route.others ?? []) {
    const checked = checkOne(key, model, other);
    if (!isAccessRefused(checked)) return checked;
  }
  return first;
}

function checkOne<R extends RouteAccess>(
  { allowsModel, opens }: Pick<KeyAccess, 'allowsModel' | 'opens'>,
  model: string,
  route: R,
): R | AccessRefused {
  if (!route.open) {
    const refused = checkGroups(opens, route);
    if (refused !== null) return refused;
  }
  // A pattern of the list that matches a route's pattern matches every name of the route.
  if (allowsModel !== null && !allowsModel(model) && !allowsModel(route.name)) return NOT_LISTED;
  return route.targets.length === 0 ? NO_PROVIDER : route;
}

function checkGroups(opens: ReadonlySet<string>, route: RouteAccess): AccessRefused | null {
  const { name, access, targets } = route;
  const refused = (closedBy: readonly string[]): AccessRefused => {
    return { kind: 'refused', rule: 'access', code: 'route_access_denied', route: name, closedBy };
  };
  if (access === 'groups' && !opens.has(name)) return refused([name]);
  if (targets.length === 0 || targets.some((target) => isReachable(opens, target))) return null;
  return refused([...new Set(targets.flatMap(({ closedBy }) => closedBy ?? []))]);
}

function isReachable(opens: ReadonlySet<string>, { closedBy }: TargetAccess): boolean {
  return closedBy === undefined || closedBy.some((name) => opens.has(name));
}

/** The targets that a key may reach of a route that `checkRoute` has allowed: the route's own list if that is all. */
export function reachableTargets<T extends TargetAccess>(
  { opens }: Pick<KeyAccess, 'opens'>,
  { open, targets }: { readonly open: boolean; readonly targets: readonly T[] },
): readonly T[] {
  return open ? targets : targets.filter((target) => isReachable(opens, target));
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
export function decideAccess<R extends RouteLike<R>>(
  key: KeyAccess,
  { address, scope, model, fromPage = false }: AccessRequest,
  findRoute: (model: string) => R | null,
): AccessDecision<R> {
  const early = checkAddress(key, address) ?? checkBrowser(key, fromPage) ?? checkScope(key, scope);
  if (early !== null) return early;
  const route = checkRoute(key, model, findRoute(model));
  return isAccessRefused(route) ? route : { kind: 'allowed', route };
}
