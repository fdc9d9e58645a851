import { compilePrices, compileRouting, isOpenToAll, type ClosedBy, type RouteOpenTo } from '@tollgate/access';
import type { TollgateConfig } from '@tollgate/config';
import type { ModelPrice, PriceOf } from '@tollgate/pricing';
import { targetPart } from '../event-parts.js';
import { headerText } from '../exchange/header-text.js';
import type { DialectName } from '../../dialects/dialect-name.js';
import type { Provider } from '../../providers/provider.js';
import { searchingOf, type Searching } from './searching-models.js';

/** One model of one provider behind a route, with its price. */
export interface Target {
  readonly provider: Provider;
  readonly model: string;
  readonly weight: number;
  /** The dialects in which the provider serves this model; absent for all that it speaks. */
  readonly dialects?: ReadonlySet<DialectName>;
  readonly price: ModelPrice;
  /** Finds the price of another model of the same provider, which a call may use besides; null if it has none. */
  readonly priceOf: PriceOf;
  /** How the model searches on its own; absent for one that does not. */
  readonly searching?: Searching;
  /** The closed routes of which a key must have one to reach it under this name; absent if it needs none. */
  readonly closedBy?: ClosedBy;
  /** The reply headers that name the route and the provider: names and values in turn. */
  readonly nameHeaders: readonly string[];
  /** The target's part of a usage event: JSON fields. */
  readonly eventPart: string;
  /** The price in an intent: JSON fields. The final of an orphan is priced by it. */
  readonly pricePart: string;
}

/** A model name that the gateway answers to, with its targets. */
export interface Route {
  readonly name: string;
  readonly access: RouteOpenTo;
  /** Whether every key may reach all its targets, as far as groups decide. */
  readonly open: boolean;
  /** Targets whose provider can be called; empty if no provider of the route has its credential. */
  readonly targets: readonly Target[];
  /** The prices of all targets. */
  readonly prices: readonly ModelPrice[];
  /** The longest answer that one choice of any target can have, in tokens. */
  readonly outputTokensMax: number;
  /** The routes that serve the same name to a key that may not use this one; absent if there are none. */
  readonly others?: readonly Route[];
}

type Routed = NonNullable<ReturnType<ReturnType<typeof compileRouting<TollgateConfig['routes'][number], ModelPrice>>>>;

/** The most model names whose routes are cached. Callers can make up names that wildcards match. */
const REMEMBERED_MAX = 10_000;

/**
 * The routes of the configuration, joined with the providers and prices that their targets name. `providers` are those
 * that can be called.
 */
export class RouteTable {
  readonly #routing: ReturnType<typeof compileRouting<TollgateConfig['routes'][number], ModelPrice>>;
  readonly #priceOf: ReturnType<typeof compilePrices<ModelPrice>>;
  readonly #remembered = new Map<string, Route | null>();

  constructor(
    config: Pick<TollgateConfig, 'routes' | 'prices'>,
    private readonly providers: ReadonlyMap<string, Provider>,
  ) {
    this.#routing = compileRouting(config.routes, config.prices);
    this.#priceOf = compilePrices(config.prices);
  }

  /** The route of a model name; null if no route matches. */
  find(model: string): Route | null {
    const remembered = this.#remembered.get(model);
    if (remembered !== undefined) return remembered;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    const route = this.#resolve(model);
    this.#remembered.set(model, route);
    return route;
  }

  #resolve(model: string): Route | null {
    const routed = this.#routing(model);
    if (routed === null) return null;
    const route = this.#join(routed);
    return routed.others.length === 0 ? route : { ...route, others: routed.others.map((each) => this.#join(each)) };
  }

  #join(routed: Pick<Routed, 'route' | 'targets'>): Route {
    const { name, access } = routed.route;
    const targets = routed.targets.flatMap(({ target, model: asked, price, closedBy }) => {
      const provider = this.providers.get(target.provider);
      if (provider === undefined) return [];
      const dialects = provider.dialectsOfModel?.(asked) ?? null;
      const searching = searchingOf(asked);
      return [
        {
          provider,
          model: asked,
          weight: target.weight,
          price,
          nameHeaders: ['x-tollgate-route', headerText(name), 'x-tollgate-provider', headerText(provider.name)],
          priceOf: (other: string) => this.#priceOf(provider.name, other),
          ...eventParts(name, provider.name, asked, price),
          ...(dialects !== null && { dialects }),
          ...(searching !== undefined && { searching }),
          ...(closedBy !== undefined && { closedBy }),
        },
      ];
    });
    return routeOf(name, targets, access);
  }
}

/** Whether a target can be asked in a dialect. */
export function speaks({ dialects, provider }: Target, name: DialectName): boolean {
  return (dialects ?? provider.dialects).has(name);
}

/** Makes a route and the values that follow from its targets. */
export function routeOf(name: string, targets: readonly Target[], access: RouteOpenTo = 'everyone'): Route {
  const prices = targets.map(({ price }) => price);
  const outputTokensMax = Math.max(...prices.map(({ maxOutputTokens }) => maxOutputTokens));
  return { name, access, open: isOpenToAll({ access, targets }), targets, prices, outputTokensMax };
}

function eventParts(
  route: string,
  provider: string,
  model: string,
  price: ModelPrice,
): Pick<Target, 'eventPart' | 'pricePart'> {
  const inputPrice = `"inputNanoUsdPerMillion":"${price.inputNanoUsdPerMillion}"`;
  const outputPrice = `"outputNanoUsdPerMillion":"${price.outputNanoUsdPerMillion}"`;
  return {
    eventPart: targetPart({ route, provider, model }),
    pricePart: `${inputPrice},${outputPrice}`,
  };
}

/** Targets in the order in which they are tried, drawn at random by weight. `random` returns numbers in [0, 1). */
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
