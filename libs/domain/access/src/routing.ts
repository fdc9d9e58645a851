import { compileClosedModels, type ClosedBy, type RouteOpenTo } from './closed-models.js';
import { compileNames, hasWildcard } from './wildcard.js';

interface NamedTarget {
  readonly provider: string;
  /** The name of the provider's model; `*` means the name that the caller sent. */
  readonly model: string;
}

/** A route of the configuration; `name` may contain `*`. */
interface NamedRoute {
  readonly name: string;
  readonly access: RouteOpenTo;
  readonly targets: readonly NamedTarget[];
}

/** A target of a route for the model that a caller named. */
interface RoutedTarget<T> {
  readonly target: T;
  /** The model that the provider is asked for. */
  readonly model: string;
  /** The closed routes of which a key must have one to reach the target under this name; undefined if it needs none. */
  readonly closedBy: ClosedBy;
}

/** A route of a model's name, with the targets that the name leads to. */
interface RoutedTargets<R extends NamedRoute> {
  readonly route: R;
  readonly targets: readonly RoutedTarget<R['targets'][number]>[];
}

/** The first route of a model's name, and the others that serve the name to a key that may not use the first. */
export interface RoutedModel<R extends NamedRoute> extends RoutedTargets<R> {
  readonly others: readonly RoutedTargets<R>[];
}

/**
 * Makes a function that finds the route of a model's name: the route with exactly that name, else the pattern with the
 * most characters besides `*`.
 */
export function compileRoutes<R extends { readonly name: string }>(routes: readonly R[]): (model: string) => R | null {
  return compileNames(routes, ({ name }) => name);
}

/** The model that the provider is asked for if a caller named `requested`. */
export function targetModel(target: Pick<NamedTarget, 'model'>, requested: string): string {
  return target.model === '*' ? requested : target.model;
}

/**
 * Makes a function that finds the routes and the targets of a model that a caller names. In this order, the first that
 * is open to the key serves it:
 *
 * 1. the route with exactly this name; then no other one does;
 * 2. for `provider/model`, each route that names this model of this provider as a target, and the route of the bare
 *    model's name if it leads to this provider by a target `*`: that target alone;
 * 3. the route with the best pattern that matches the name;
 * 4. if no route has the name, each that names a model of this name as a target, whatever the provider: those targets
 *    alone.
 *
 * It returns null if there is none with a target.
 */
export function compileRouting<R extends NamedRoute>(routes: readonly R[]): (model: string) => RoutedModel<R> | null {
  const routeOf = compileRoutes(routes);
  const closedBy = compileClosedModels(routes);
  /** The targets of a route that pass a test, for the model that is asked for; nothing if none does. */
  const routed = (
    route: R | null,
    requested: string,
    isMeant: (target: NamedTarget) => boolean = () => true,
  ): RoutedTargets<R>[] => {
    const targets = (route?.targets ?? []).filter(isMeant).flatMap((target: R['targets'][number]) => {
      const model = targetModel(target, requested);
      if (route === null) return [];
      const named = target.model !== '*' || closedBy === null;
      return [{ target, model, closedBy: named ? undefined : closedBy(route, target.provider, requested) }];
    });
    return route === null || targets.length === 0 ? [] : [{ route, targets }];
  };
  const byTarget = indexTargets(routes);
  const byModel = (model: string, provider: string | null): RoutedTargets<R>[] =>
    (byTarget.get(model) ?? []).flatMap((route) =>
      routed(route, model, (target) => target.model === model && (provider ?? target.provider) === target.provider),
    );
  const byProvider = (requested: string): RoutedTargets<R>[] => {
    const slash = requested.indexOf('/');
    if (slash === -1) return [];
    const [provider, model] = [requested.slice(0, slash), requested.slice(slash + 1)];
    if (model === '') return [];
    const isCallers = (target: NamedTarget): boolean => target.model === '*' && target.provider === provider;
    return [...byModel(model, provider), ...routed(routeOf(model), model, isCallers)];
  };
  return (requested) => {
    const route = routeOf(requested);
    const named = routed(route, requested);
    const found = route?.name === requested ? [...named] : [...byProvider(requested), ...named];
    if (route === null) found.push(...byModel(requested, null));
    const [first, ...others] = found;
    return first === undefined ? null : { ...first, others };
  };
}

/** The routes that have a target of a model, by the model's name, in the order of the configuration. */
function indexTargets<R extends NamedRoute>(routes: readonly R[]): ReadonlyMap<string, readonly R[]> {
  const index = new Map<string, R[]>();
  for (const route of routes)
    for (const model of new Set(route.targets.map((target) => target.model)))
      if (!hasWildcard(model)) index.set(model, [...(index.get(model) ?? []), route]);
  return index;
}
