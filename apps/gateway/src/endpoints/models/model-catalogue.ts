import {
  checkRoute,
  hasWildcard,
  isAccessRefused,
  matchesWildcard,
  reachableTargets,
  type AccessRefused,
  type KeyAccess,
} from '@tollgate/access';
import type { OrganizationSnapshot } from '@tollgate/api-key';
import type { TollgateConfig } from '@tollgate/config';
import type { RouteTable } from '../../request-path/choose-route/route-table.js';
import { listedModel, type ListedModel } from './listed-model.js';

/** The restrictions of a key that decide what it may use. */
type Asking = Pick<KeyAccess, 'allowsModel' | 'opens'> & {
  readonly organization: { readonly snapshot: OrganizationSnapshot | null };
};
/** A key as a list is made for it: its restrictions, and the list of models that `allowsModel` was compiled from. */
export type Lister = Asking & { readonly snapshot: { readonly models: readonly string[] | null } };

/** The most lists that are kept for keys with the same groups. */
const LISTS_MAX = 100;

/**
 * The models of the configuration as keys see them. A key is shown what a call of it would be served: a route that is
 * open to it, whose name its list of models allows, and that has a provider with a credential.
 *
 * Routes are shown by their names. Of a route whose name is a pattern, the names are shown that the configuration
 * knows: those of prices and targets that the pattern matches. If it knows none, the route is not shown, though the key
 * may use it. Other names for the same models (`provider/model`) are not shown either.
 */
export class ModelCatalogue {
  readonly #names: readonly string[];
  /**
   * Keys of the same groups share the set of routes that these open, so few lists are made however many keys there are.
   */
  readonly #lists = new WeakMap<ReadonlySet<string>, Map<string, readonly ListedModel[]>>();

  constructor(
    config: Pick<TollgateConfig, 'routes' | 'prices'>,
    private readonly routes: Pick<RouteTable, 'at'>,
  ) {
    this.#names = namesToShow(config);
  }

  /** All models that a key may use, by their names in the order of their UTF-16 code units. */
  listFor(key: Lister): readonly ListedModel[] {
    let lists = this.#lists.get(key.opens);
    if (lists === undefined) this.#lists.set(key.opens, (lists = new Map()));
    const id = JSON.stringify([key.snapshot.models, key.organization.snapshot?.prices?.version]);
    let list = lists.get(id);
    if (list === undefined) {
      list = this.#names.flatMap((name) => {
        const model = this.find(key, name);
        return isRefused(model) ? [] : [model];
      });
      if (lists.size >= LISTS_MAX) lists.clear();
      lists.set(id, list);
    }
    return list;
  }

  /** The model that a key would be served under a name, which may be one that no list shows; else why it is refused. */
  find(key: Asking, name: string): ListedModel | AccessRefused {
    // What cannot be priced is not served.
    const priced = this.routes.at(key.organization.snapshot);
    const route = checkRoute(key, name, priced?.find(name) ?? null);
    return isAccessRefused(route) ? route : listedModel(name, reachableTargets(key, route));
  }
}

/** Whether the result of `ModelCatalogue.find` is a refusal and not a model. */
export function isRefused(model: ListedModel | AccessRefused): model is AccessRefused {
  return 'rule' in model;
}

function namesToShow({ routes, prices }: Pick<TollgateConfig, 'routes' | 'prices'>): readonly string[] {
  const patterns = routes.map(({ name }) => name).filter(hasWildcard);
  const known = [...prices.map(({ model }) => model), ...routes.flatMap(({ targets }) => targets.map((t) => t.model))];
  const shown = [
    ...routes.map(({ name }) => name),
    ...known.filter((name) => patterns.some((pattern) => matchesWildcard(pattern, name))),
  ];
  return [...new Set(shown.filter((name) => !hasWildcard(name)))].sort(byCodeUnits);
}

const byCodeUnits = (one: string, other: string): number => (one < other ? -1 : 1);
