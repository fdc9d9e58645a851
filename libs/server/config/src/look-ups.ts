import type { ModelPrice } from '@tollgate/pricing';
import type { PriceEntry, Route, Target } from './config.js';
import { compileNames } from './wildcard.js';

/**
 * The route that answers to a model's name: the one of that name, else the pattern with the most characters besides
 * `*`.
 */
export function compileRoutes(routes: readonly Route[]): (model: string) => Route | null {
  return compileNames(routes, ({ name }) => name);
}

/** The price of a provider's model, found in the same way; null only for models that no route leads to. */
export function compilePrices(prices: readonly PriceEntry[]): (provider: string, model: string) => ModelPrice | null {
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

/** Whether a key with this list of models may use the one a caller named: `*` in an entry is as in a route's name. */
export function compileModelList(models: readonly string[]): (model: string) => boolean {
  const find = compileNames(models, (name) => name);
  return (model) => find(model) !== null;
}

/** What the provider is asked for when a caller named `requested`. */
export function targetModel(target: Target, requested: string): string {
  return target.model === '*' ? requested : target.model;
}
