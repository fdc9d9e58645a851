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

interface NamedPrice<P> {
  readonly provider: string;
  /** A name that may contain `*`. */
  readonly model: string;
  readonly price: P;
}

/** A target of a route for the model that a caller named, with its price. */
interface PricedTarget<T, P> {
  readonly target: T;
  /** The model that the provider is asked for. */
  readonly model: string;
  readonly price: P;
  /** The closed routes of which a key must have one to reach the target under this name; undefined if it needs none. */
  readonly closedBy: ClosedBy;
}

/** A route of a model's name, with the targets that the name leads to and that have a price. */
interface RoutedTargets<R extends NamedRoute, P> {
  readonly route: R;
  readonly targets: readonly PricedTarget<R['targets'][number], P>[];
}

/** The first route of a model's name, and the others that serve the name to a key that may not use the first. */
export interface RoutedModel<R extends NamedRoute, P> extends RoutedTargets<R, P> {
  readonly others: readonly RoutedTargets<R, P>[];
}

/**
 * Makes a function that finds the route of a model's name: the route with exactly that name, else the pattern with the
 * most characters besides `*`.
 */
export function compileRoutes<R extends { readonly name: string }>(routes: readonly R[]): (model: string) => R | null {
  return compileNames(routes, ({ name }) => name);
}

/** Makes a function that finds the price of a provider's model by the same rule; null if there is none. */
export function compilePrices<P>(prices: readonly NamedPrice<P>[]): (provider: string, model: string) => P | null {
  const providers = new Set(prices.map(({ provider }) => provider));
  const byProvider = new Map(
    [...providers].map((name) => [
      name,
      compileNames(
        prices.filter(({ provider }) => provider === name),
        ({ model }) => model,
      ),
    ]),
  );
  return (provider, model) => byProvider.get(provider)?.(model)?.price ?? null;
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
 * It returns null if there is none with a target that has a price: a model that cannot be charged is not served.
 */
export function compileRouting<R extends NamedRoute, P>(
  routes: readonly R[],
  prices: readonly NamedPrice<P>[],
): (model: string) => RoutedModel<R, P> | null {
  const routeOf = compileRoutes(routes);
  const priceOf = compilePrices(prices);
  const closedBy = compileClosedModels(routes);
  /** The targets of a route that pass a test, for the model that is asked for; nothing if none has a price. */
  const routed = (
    route: R | null,
    requested: string,
    isMeant: (target: NamedTarget) => boolean = () => true,
  ): RoutedTargets<R, P>[] => {
    const targets = (route?.targets ?? []).filter(isMeant).flatMap((target: R['targets'][number]) => {
      const model = targetModel(target, requested);
      const price = priceOf(target.provider, model);
      if (route === null || price === null) return [];
      const named = target.model !== '*' || closedBy === null;
      return [{ target, model, price, closedBy: named ? undefined : closedBy(route, target.provider, requested) }];
    });
    return route === null || targets.length === 0 ? [] : [{ route, targets }];
  };
  const byTarget = indexTargets(routes);
  const byModel = (model: string, provider: string | null): RoutedTargets<R, P>[] =>
    (byTarget.get(model) ?? []).flatMap((route) =>
      routed(route, model, (target) => target.model === model && (provider ?? target.provider) === target.provider),
    );
  const byProvider = (requested: string): RoutedTargets<R, P>[] => {
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
