import { Inject, Injectable } from '@nestjs/common';
import { compileRouting, isOpenToAll, openedRoutes, patternsOverlap, type RouteAccess } from '@tollgate/access';
import type { OrganizationSnapshot } from '@tollgate/api-key';
import { ownPrices, PriceBook, type Route } from '@tollgate/config';
import type { ApiKey } from '../keys/api-key/api-key.js';
import type { GroupRoutes } from '../organizations/organization.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';

/** A route of config.yaml. */
export type ConfiguredRoute = Route;

/** A route that a key may use, and the groups that open it to the key; none if it is open to everyone alone. */
export interface AccessibleRoute {
  readonly route: ConfiguredRoute;
  readonly groupIds: readonly string[];
}

type Reaching = Pick<ApiKey, 'groupIds' | 'models'>;

/** A route of a model's name, with what a price hangs on of its targets. */
export interface PricedRoute extends Omit<RouteAccess, 'others'> {
  readonly targets: readonly (RouteAccess['targets'][number] & { readonly provider: string; readonly model: string })[];
  readonly others?: readonly PricedRoute[];
}

type Routed = NonNullable<ReturnType<ReturnType<typeof compileRouting<ConfiguredRoute>>>>;

/** The routes of config.yaml, and which of them keys may use. It asks nobody: all it needs comes with the call. */
@Injectable()
export class ConfiguredRoutes {
  readonly all: readonly ConfiguredRoute[];
  readonly #byName: ReadonlyMap<string, ConfiguredRoute>;
  readonly #routing: ReturnType<typeof compileRouting<ConfiguredRoute>>;
  readonly #reachable: ReadonlySet<string> | null;
  readonly #priceFacts: ConstructorParameters<typeof PriceBook>[0];
  readonly #prices: PriceBook;

  constructor(@Inject(KEY_MANAGEMENT_SETTINGS) { config }: KeyManagementSettings) {
    this.all = config.routes;
    this.#routing = compileRouting(config.routes);
    this.#reachable = config.reachableProviders;
    this.#priceFacts = { defaultPrice: null, providers: [], ...config };
    this.#prices = new PriceBook(this.#priceFacts);
    this.#byName = new Map(config.routes.map((route) => [route.name, route]));
  }

  /** The route with exactly this name; null if the file has none. */
  named(name: string): ConfiguredRoute | null {
    return this.#byName.get(name) ?? null;
  }

  /**
   * The route of a model's name as a gateway finds it; null if there is none. Providers count as reachable where this
   * process cannot tell.
   */
  accessOf(model: string): PricedRoute | null {
    const routed = this.#routing(model);
    if (routed === null) return null;
    return { ...this.#accessOf(routed), others: routed.others.map((each) => this.#accessOf(each)) };
  }

  #accessOf(routed: Pick<Routed, 'route' | 'targets'>): PricedRoute {
    const { name, access } = routed.route;
    const targets = routed.targets
      .filter(({ target }) => this.#reachable?.has(target.provider) ?? true)
      .map(({ target: { provider }, ...target }) => ({ ...target, provider }));
    return { name, access, open: isOpenToAll({ access, targets }), targets };
  }

  /**
   * Whether any of these targets has a price at a moment, in milliseconds since 1970: one of the organisation, or one
   * that everybody has. `prices` are the organisation's own.
   */
  isAnyPriced(targets: PricedRoute['targets'], nowMs: number, prices: OrganizationSnapshot['prices']): boolean {
    const book =
      prices === undefined ? this.#prices : new PriceBook(this.#priceFacts, ownPrices(prices)?.entries ?? []);
    return targets.some(({ provider, model }) => book.at(provider, model, nowMs).price !== null);
  }

  /**
   * The routes that a key may use, in the order of the file. `groupRoutes` are those of its organisation. A key whose
   * list of models allows only some of the names of a route may use the route.
   */
  accessibleTo(key: Reaching, groupRoutes: GroupRoutes): AccessibleRoute[] {
    return this.all
      .filter((route) => mayUse(key, groupRoutes, route))
      .map((route) => ({
        route,
        groupIds: key.groupIds.filter((id) => groupRoutes[id]?.includes(route.name) === true),
      }));
  }

  /** How many routes a key may use. */
  countAccessible(key: Reaching, groupRoutes: GroupRoutes): number {
    return this.all.filter((route) => mayUse(key, groupRoutes, route)).length;
  }
}

function mayUse({ groupIds, models }: Reaching, groupRoutes: GroupRoutes, { name, access }: ConfiguredRoute): boolean {
  if (access === 'groups' && !openedRoutes(groupIds, groupRoutes).has(name)) return false;
  return models === null || models.some((model) => patternsOverlap(model, name));
}
