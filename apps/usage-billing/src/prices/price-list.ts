import { PriceBook, type PriceEntry, type PriceFacts, type TollgateConfig } from '@tollgate/config';
import { knownModels, SOURCES } from '@tollgate/known-prices';
import type { PriceRule } from '@tollgate/pricing';

/** The part of config.yaml that prices and their use follow from. */
export interface PricedConfig extends PriceFacts, Pick<TollgateConfig, 'routes' | 'priceVersion'> {}

/** One price of the book, with the time at which it counts. */
export interface ListedPrice {
  /** Where it comes from: one organisation's own prices, the file, what is known, or `default_price`. */
  readonly origin: 'organization' | 'config' | 'known' | 'default';
  /** The source of a known price, also of one that an entry of the file takes. */
  readonly source: string | null;
  /** The provider of an entry of the file, or of an organisation. */
  readonly provider: string | null;
  /** The id of a model, or a pattern of the file; `*` for the default. */
  readonly model: string;
  readonly rule: PriceRule;
  /** Its place in the list. */
  readonly position: PricePosition;
}

/** The texts by which the list is sorted. */
export type PricePosition = readonly [rank: string, owner: string, model: string, index: string];

/** What a target of a route is priced by. */
export interface PricedTarget {
  readonly route: string;
  readonly provider: string;
  /** `*` for the model that a caller names: what that costs is found when it is named. */
  readonly model: string;
  readonly price: ListedPrice | null;
}

const RANKS = { organization: '-', config: '0', known: '1', default: '2' } as const;

/** All prices of a configuration as a list, known ones included, and what its targets are priced by. */
export class PriceList {
  readonly #book: PriceBook;
  #all: readonly ListedPrice[] | null = null;

  constructor(private readonly config: PricedConfig) {
    this.#book = new PriceBook(config);
  }

  /** The prices of all models. It is made when it is first asked for, since it takes a fifth of a second. */
  all(): readonly ListedPrice[] {
    return (this.#all ??= this.#pricesOf(SOURCES));
  }

  /** The prices that gateways of this configuration can charge: its own, and those of the sources of its providers. */
  chargeable(): readonly ListedPrice[] {
    const sources = this.config.providers.flatMap(({ source }) => source ?? []);
    return this.#pricesOf([...new Set(sources)]);
  }

  /** The prices of one organisation alone, in their places before all others. */
  own(entries: readonly PriceEntry[]): readonly ListedPrice[] {
    const book = new PriceBook(this.config, entries);
    return this.#sorted(entries.flatMap((entry, index) => this.#entry('organization', book, entry, index)));
  }

  /** What each target of each route is priced by at a moment; for an organisation that has them, by its own prices. */
  targets(nowMs: number, own: readonly PriceEntry[] = []): readonly PricedTarget[] {
    const book = own.length === 0 ? this.#book : new PriceBook(this.config, own);
    return this.config.routes.flatMap(({ name: route, targets }) =>
      targets.map(({ provider, model }) => ({ route, provider, model, price: priceOf(book, provider, model, nowMs) })),
    );
  }

  #pricesOf(sources: readonly string[]): readonly ListedPrice[] {
    const { prices, defaultPrice } = this.config;
    const known = sources.flatMap((source) =>
      knownModels(source).flatMap(({ id, price }) =>
        price.rules.map((rule, index) => listed({ origin: 'known', source, provider: null, model: id, rule }, index)),
      ),
    );
    const always = { fromMs: null, untilMs: null, hours: null };
    const byDefault =
      defaultPrice === null
        ? []
        : [
            listed(
              { origin: 'default', source: null, provider: null, model: '*', rule: { price: defaultPrice, ...always } },
              0,
            ),
          ];
    const configured = prices.flatMap((entry, index) => this.#entry('config', this.#book, entry, index));
    return this.#sorted([...configured, ...known, ...byDefault]);
  }

  #sorted(prices: readonly ListedPrice[]): readonly ListedPrice[] {
    return [...prices].sort((a, b) => comparePositions(a.position, b.position));
  }

  /** An entry that takes the prices of whatever model is asked for has none of its own to show. */
  #entry(from: 'organization' | 'config', book: PriceBook, entry: PriceEntry, index: number): ListedPrice[] {
    const { provider, model, price, like, fromMs = null, untilMs = null, hours = null } = entry;
    const of = { origin: from, source: like?.source ?? null, provider, model };
    if (price !== null) return [listed({ ...of, rule: { price, fromMs, untilMs, hours } }, index)];
    const rules = book.matches(provider, model).find(({ origin }) => origin === from)?.rules ?? [];
    return rules.map((rule, at) => listed({ ...of, rule }, index * RULES_MAX + at));
  }
}

function priceOf(book: PriceBook, provider: string, model: string, nowMs: number): ListedPrice | null {
  if (model === '*') return null;
  const { price, match } = book.at(provider, model, nowMs);
  const index = match?.rules.findLastIndex((rule) => rule.price === price) ?? -1;
  const rule = match?.rules[index];
  if (match === null || rule === undefined) return null;
  const { origin, source, name } = match;
  const isEntry = origin === 'organization' || origin === 'config';
  return listed({ origin, source, provider: isEntry ? provider : null, model: name, rule }, index);
}

/** No model has as many prices by date and hour. */
const RULES_MAX = 1_000;

function listed(price: Omit<ListedPrice, 'position'>, index: number): ListedPrice {
  const { origin, provider, source, model } = price;
  return { ...price, position: [RANKS[origin], provider ?? source ?? '', model, String(index).padStart(7, '0')] };
}

/** The order of two places of the list, by code units. */
export function comparePositions(a: PricePosition, b: PricePosition): number {
  const at = a.findIndex((text, index) => text !== b[index]);
  return at === -1 ? 0 : (a[at] ?? '') < (b[at] ?? '') ? -1 : 1;
}
