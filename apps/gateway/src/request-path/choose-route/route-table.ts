import { compilePrices, compileRoutes, targetModel, type TollgateConfig } from '@tollgate/config';
import type { ModelPrice } from '@tollgate/pricing';
import type { Provider } from '../forward/provider.js';

/** One provider's model behind a route, with what it costs. */
export interface Target {
  readonly provider: Provider;
  readonly model: string;
  readonly weight: number;
  readonly price: ModelPrice;
}

/** A model name we answer to. */
export interface Route {
  readonly name: string;
  readonly targets: readonly Target[];
}

/** Model names whose routes are remembered; callers can make up names that wildcards match. */
const REMEMBERED_MAX = 10_000;

/** The routes of the configuration, with the providers and prices that their targets name. */
export class RouteTable {
  readonly #routeOf: (model: string) => TollgateConfig['routes'][number] | null;
  readonly #priceOf: (provider: string, model: string) => ModelPrice | null;
  readonly #remembered = new Map<string, Route | null>();

  constructor(config: Pick<TollgateConfig, 'routes' | 'prices'>, private readonly providers: ReadonlyMap<string, Provider>) {
    this.#routeOf = compileRoutes(config.routes);
    this.#priceOf = compilePrices(config.prices);
  }

  /** Null for a model nobody serves. */
  find(model: string): Route | null {
    const remembered = this.#remembered.get(model);
    if (remembered !== undefined) return remembered;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    const route = this.#resolve(model);
    this.#remembered.set(model, route);
    return route;
  }

  #resolve(model: string): Route | null {
    const route = this.#routeOf(model);
    if (route === null) return null;
    const targets = route.targets.flatMap((target) => {
      const provider = this.providers.get(target.provider);
      const asked = targetModel(target, model);
      const price = this.#priceOf(target.provider, asked);
      return provider === undefined || price === null ? [] : [{ provider, model: asked, weight: target.weight, price }];
    });
    return targets.length === 0 ? null : { name: route.name, targets };
  }
}

/** Targets in the order they are tried: the first by weight, then the others by weight. `random` is in [0, 1). */
export function orderTargets(targets: readonly Target[], random: () => number): readonly Target[] {
  if (targets.length < 2) return targets;
  const left = [...targets];
  const order: Target[] = [];
  while (left.length > 0) {
    let pick = random() * left.reduce((sum, target) => sum + target.weight, 0);
    const index = left.findIndex((target) => (pick -= target.weight) < 0);
    order.push(...left.splice(index === -1 ? left.length - 1 : index, 1));
  }
  return order;
}
