import { compileRouting, isOpenToAll, type ClosedBy, type RouteOpenTo } from '@tollgate/access';
import type { OrganizationSnapshot, SnapshotPrices } from '@tollgate/api-key';
import { ownPrices, PriceBook, type OwnPrices, type TollgateConfig } from '@tollgate/config';
import type { ModelPrice, PriceOf } from '@tollgate/pricing';
import { targetPart } from '../event-parts.js';
import { evictOldest } from '../exchange/evict-oldest.js';
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
  /** What it costs now, or what little is known of it where its price is not. */
  readonly price: ModelPrice;
  /** Whether its price is not known: it then costs nothing here, and is passed over where credit is limited. */
  readonly unpriced?: true;
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
  /** The prices of all targets that have one. */
  readonly prices: readonly ModelPrice[];
  /** The longest answer that one choice of any target can have, in tokens. */
  readonly outputTokensMax: number;
  /** The routes that serve the same name to a key that may not use this one; absent if there are none. */
  readonly others?: readonly Route[];
  /** When a price of it may change, in milliseconds since 1970; absent for never. */
  readonly pricesUntilMs?: number;
  /** The version of the prices of the organisation that calls, if it has some of its own. */
  readonly ownPriceVersion?: string;
}

/** The configuration that routes and their prices follow from. */
type RouteFacts = Pick<TollgateConfig, 'routes' | 'prices'> &
  Partial<Pick<TollgateConfig, 'defaultPrice' | 'providers'>>;
type ConfiguredRoute = TollgateConfig['routes'][number];
type Routing = ReturnType<typeof compileRouting<ConfiguredRoute>>;
type Routed = NonNullable<ReturnType<Routing>>;

/** Of a model whose price is not known. It costs nothing here, and its event says that this is not what it costs. */
const UNPRICED: ModelPrice = {
  inputNanoUsdPerMillion: 0n,
  outputNanoUsdPerMillion: 0n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 16_384,
  contextTokens: 2_000_000,
};

/** The most model names whose routes are cached. Callers can make up names that wildcards match. */
const REMEMBERED_MAX = 10_000;
/** The same of each organisation with prices of its own, and the most such organisations that are cached. */
const REMEMBERED_OF_OWN_MAX = 200;
const OWN_MAX = 1_000;

/**
 * The routes of the configuration, joined with the providers and prices that their targets name. `providers` are those
 * that can be called.
 */
export class RouteTable {
  readonly #routing: Routing;
  readonly #book: PriceBook;
  readonly #remembered = new Map<string, Route | null>();
  /** The tables of organisations with prices of their own; null for prices that cannot be read. */
  readonly #own = new Map<string, { readonly version: string; readonly table: RouteTable | null }>();

  /** `own` are the prices of one organisation, for its table; `routing` spares reading the same routes again. */
  constructor(
    private readonly config: RouteFacts,
    private readonly providers: ReadonlyMap<string, Provider>,
    private readonly nowMs: () => number = () => Date.now(),
    private readonly own: OwnPrices | null = null,
    routing: Routing = compileRouting(config.routes),
  ) {
    this.#routing = routing;
    this.#book = new PriceBook({ defaultPrice: null, providers: [], ...config }, own?.entries);
  }

  /**
   * The table at the prices that an organisation pays: this one, unless it has prices of its own. Null if these are of
   * a later release, so that what its calls cost is not known here. A table is kept as long as the prices are the same.
   */
  at(organization: Pick<OrganizationSnapshot, 'organizationId' | 'prices'> | null): RouteTable | null {
    if (organization?.prices === undefined) return this;
    return this.#ownTable(organization.organizationId, organization.prices);
  }

  #ownTable(organizationId: string, prices: SnapshotPrices): RouteTable | null {
    const known = this.#own.get(organizationId);
    if (known?.version === prices.version) return known.table;
    const own = ownPrices(prices);
    const table = own === null ? null : new RouteTable(this.config, this.providers, this.nowMs, own, this.#routing);
    this.#own.delete(organizationId);
    evictOldest(this.#own, OWN_MAX);
    this.#own.set(organizationId, { version: prices.version, table });
    return table;
  }

  /**
   * The route of a model name, at the prices of now; null if no route matches. Whoever has it keeps it, so a request is
   * charged at the price at which its credit was held.
   */
  find(model: string): Route | null {
    const remembered = this.#remembered.get(model);
    if (
      remembered !== undefined &&
      (remembered?.pricesUntilMs === undefined || this.nowMs() < remembered.pricesUntilMs)
    )
      return remembered;
    const max = this.own === null ? REMEMBERED_MAX : REMEMBERED_OF_OWN_MAX;
    if (this.#remembered.size >= max) this.#remembered.clear();
    const route = this.#resolve(model);
    this.#remembered.set(model, route);
    return route;
  }

  #resolve(model: string): Route | null {
    const routed = this.#routing(model);
    if (routed === null) return null;
    const nowMs = this.nowMs();
    const route = this.#join(routed, nowMs);
    if (routed.others.length === 0) return route;
    const others = routed.others.map((each) => this.#join(each, nowMs));
    const pricesUntilMs = Math.min(...[route, ...others].map((each) => each.pricesUntilMs ?? Infinity));
    return { ...route, others, ...(pricesUntilMs < Infinity && { pricesUntilMs }) };
  }

  #join(routed: Pick<Routed, 'route' | 'targets'>, nowMs: number): Route {
    const { name, access } = routed.route;
    let pricesUntilMs = Infinity;
    const targets = routed.targets.flatMap(({ target, model: asked, closedBy }) => {
      const provider = this.providers.get(target.provider);
      if (provider === undefined) return [];
      const dialects = provider.dialectsOfModel?.(asked) ?? null;
      const searching = searchingOf(asked);
      const found = this.#book.at(target.provider, asked, nowMs);
      const price = found.price ?? UNPRICED;
      pricesUntilMs = Math.min(pricesUntilMs, found.untilMs);
      return [
        {
          provider,
          model: asked,
          weight: target.weight,
          price,
          ...(found.price === null && { unpriced: true as const }),
          nameHeaders: ['x-tollgate-route', headerText(name), 'x-tollgate-provider', headerText(provider.name)],
          priceOf: (other: string) => this.#book.at(target.provider, other, this.nowMs()).price,
          ...eventParts(name, provider.name, asked, price),
          ...(dialects !== null && { dialects }),
          ...(searching !== undefined && { searching }),
          ...(closedBy !== undefined && { closedBy }),
        },
      ];
    });
    return {
      ...routeOf(name, targets, access),
      ...(pricesUntilMs < Infinity && { pricesUntilMs }),
      ...(this.own !== null && { ownPriceVersion: this.own.version }),
    };
  }
}

/** Whether a target can be asked in a dialect. */
export function speaks({ dialects, provider }: Target, name: DialectName): boolean {
  return (dialects ?? provider.dialects).has(name);
}

/** Makes a route and the values that follow from its targets. */
export function routeOf(name: string, targets: readonly Target[], access: RouteOpenTo = 'everyone'): Route {
  const priced = targets.filter(({ unpriced }) => unpriced !== true);
  const prices = (priced.length === 0 ? targets : priced).map(({ price }) => price);
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
