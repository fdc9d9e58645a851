import { compileNames } from './wildcard.js';

interface NamedTarget {
  readonly provider: string;
  /** `*` is the model that the caller named. */
  readonly model: string;
}

/** A route as the configuration has it; `name` may hold `*`. */
interface NamedRoute {
  readonly name: string;
  readonly targets: readonly NamedTarget[];
}

interface NamedPrice<P> {
  readonly provider: string;
  /** May hold `*`. */
  readonly model: string;
  readonly price: P;
}

/** A target of a route for the model that one caller named. */
interface PricedTarget<T, P> {
  readonly target: T;
  /** What the provider is asked for. */
  readonly model: string;
  readonly price: P;
}

/** The route that answers to a model's name, with those of its targets that have a price. */
export interface RoutedModel<R extends NamedRoute, P> {
  readonly route: R;
  readonly targets: readonly PricedTarget<R['targets'][number], P>[];
}

/**
 * The route that answers to a model's name: the one of that name, else the pattern with the most characters besides
 * `*`.
 */
export function compileRoutes<R extends { readonly name: string }>(routes: readonly R[]): (model: string) => R | null {
  return compileNames(routes, ({ name }) => name);
}

/** The price of a provider's model, found in the same way; null only for models that no route leads to. */
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

/** What the provider is asked for when a caller named `requested`. */
export function targetModel(target: Pick<NamedTarget, 'model'>, requested: string): string {
  return target.model === '*' ? requested : target.model;
}

/**
 * Where a configuration leads the model that a caller names. Null for a name that no route answers to, or whose route
 * has no target with a price: nothing is served that cannot be charged.
 */
export function compileRouting<R extends NamedRoute, P>(
  routes: readonly R[],
  prices: readonly NamedPrice<P>[],
): (model: string) => RoutedModel<R, P> | null {
  const routeOf = compileRoutes(routes);
  const priceOf = compilePrices(prices);
  return (requested) => {
    const route = routeOf(requested);
    if (route === null) return null;
    const targets = route.targets.flatMap((target: R['targets'][number]) => {
      const model = targetModel(target, requested);
      const price = priceOf(target.provider, model);
      return price === null ? [] : [{ target, model, price }];
    });
    return targets.length === 0 ? null : { route, targets };
  };
}
