import type { ActiveSnapshot, KeySnapshot, OrganizationSnapshot, Scope } from '@tollgate/api-key';
import {
  checkAddress,
  checkBrowser,
  checkRoute,
  checkScope,
  isAccessRefused,
  reachableTargets,
  type AccessRefused,
  type RouteAccess,
  type RouteLike,
} from './decide-access.js';
import { compileKeyAccess } from './key-access.js';
import { endOf, type KeyEnd } from './key-end.js';

/** One use of a key that is asked about. What is null is not asked. */
export interface SupposedUse {
  readonly address: string | null;
  readonly scope: Scope | null;
  readonly model: string | null;
  /** Whether a web page would send the request. */
  readonly fromPage: boolean;
  /** When, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** The rules in the order in which a gateway checks them, as far as a key's snapshots decide. */
export const ACCESS_RULES = ['state', 'address', 'browser', 'scope', 'route', 'access', 'model', 'provider'] as const;
export type AccessRule = (typeof ACCESS_RULES)[number];

/** What stops a use: an end of the key, or a rule of access. */
export type AccessStop = { readonly rule: 'state'; readonly code: KeyEnd } | AccessRefused;

/**
 * What one rule says. Null: it was not asked, because the use does not name what it looks at, or because an earlier
 * rule refuses what it would look at.
 */
interface CheckedRule {
  readonly rule: AccessRule;
  readonly passes: boolean | null;
}

/** What the rules say about one use, and the first of them that stops it; null if none does. */
export interface ExplainedAccess<R extends RouteLike<R> = RouteAccess> {
  readonly checked: readonly CheckedRule[];
  readonly stop: AccessStop | null;
  /** The route that the key may use for the model, and those of its targets that it may reach; null for none. */
  readonly route: R | null;
  readonly targets: readonly R['targets'][number][];
}

/** A key as gateways have it, and what its rules are however it stands: a tombstone does not tell them any more. */
export interface ExplainedKey {
  readonly snapshot: KeySnapshot;
  readonly rules: ActiveSnapshot;
}

/**
 * Says what each rule of access would answer to one use of a key, by the same checks as a gateway's request path and
 * `decideAccess`; the first refusal is what a gateway would answer. The rules behind it are checked too, as far as they
 * can be: whoever mends one sees the next.
 */
export function explainAccess<R extends RouteLike<R>>(
  { snapshot, rules }: ExplainedKey,
  organization: OrganizationSnapshot | null,
  { address, scope, model, fromPage, nowMs }: SupposedUse,
  findRoute: (model: string) => R | null,
): ExplainedAccess<R> {
  const access = compileKeyAccess(rules, organization);
  const end = endOf(snapshot, nowMs);
  const found = model === null ? null : checkRoute(access, model, findRoute(model));
  const route = found === null || isAccessRefused(found) ? null : found;
  const stops: readonly (AccessStop | null)[] = [
    end === null ? null : { rule: 'state', code: end },
    address === null ? null : checkAddress(access, address),
    checkBrowser(access, fromPage),
    scope === null ? null : checkScope(access, scope),
    found !== null && isAccessRefused(found) ? found : null,
  ];
  const refused = new Set(stops.map((stop) => stop && ruleOf(stop)));
  const notAsked = new Set<AccessRule>([
    ...(address === null ? ['address' as const] : []),
    ...(scope === null ? ['scope' as const] : []),
    ...(model === null ? RULES_OF_ROUTES : RULES_OF_ROUTES.slice(lastAsked(refused) + 1)),
  ]);
  return {
    checked: ACCESS_RULES.map((rule) => ({ rule, passes: notAsked.has(rule) ? null : !refused.has(rule) })),
    stop: stops.find((stop) => stop !== null) ?? null,
    route,
    targets: route === null ? [] : reachableTargets(access, route),
  };
}

/** The first of these that refuses hides what those after it would say. */
const RULES_OF_ROUTES = ['route', 'access', 'model', 'provider'] as const satisfies readonly AccessRule[];

function lastAsked(refused: ReadonlySet<AccessRule | null>): number {
  const first = RULES_OF_ROUTES.findIndex((rule) => refused.has(rule));
  return first === -1 ? RULES_OF_ROUTES.length : first;
}

/** A project key is refused where its scopes are looked at. */
const ruleOf = ({ rule }: AccessStop): AccessRule => (rule === 'project_key' ? 'scope' : rule);
