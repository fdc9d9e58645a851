import { compileClosedModels, type ClosedBy, type RouteOpenTo } from './closed-models.js';
import { compileNames } from './wildcard.js';

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

/** The route of a model's name, with the targets that have a price. */
export interface RoutedModel<R extends NamedRoute, P> {
  readonly route: R;
  readonly targets: readonly PricedTarget<R['targets'][number], P>[];
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
 * Makes a function that finds the route and the targets of a model that a caller names. It returns null if no route has
 * the name, or if no target of the route has a price: a model that cannot be charged is not served.
 */
export function compileRouting<R extends NamedRoute, P>(
  routes: readonly R[],
  prices: readonly NamedPrice<P>[],
): (model: string) => RoutedModel<R, P> | null {
  const routeOf = compileRoutes(routes);
  const priceOf = compilePrices(prices);
  const closedBy = compileClosedModels(routes);
  return (requested) => {
    const route = routeOf(requested);
    if (route === null) return null;
    const targets = route.targets.flatMap((target: R['targets'][number]) => {
      const model = targetModel(target, requested);
      const price = priceOf(target.provider, model);
      if (price === null) return [];
      const named = target.model !== '*' || closedBy === null;
      return [{ target, model, price, closedBy: named ? undefined : closedBy(route, target.provider, requested) }];
    });
    return targets.length === 0 ? null : { route, targets };
  };
}
