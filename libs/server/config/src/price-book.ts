import { compileNames } from '@tollgate/access';
import { knownLimits, knownPrice, type KnownPrice } from '@tollgate/known-prices';
import { pricesAt, type ModelPrice, type PriceRule } from '@tollgate/pricing';
import type { LikeKnown, PriceEntry, TollgateConfig } from './config.js';
import { withOverrides } from './like-known.js';

/** What the prices of a model at a provider follow from: the first of these that has one at a moment. */
export interface PriceMatch {
  /** Prices of the organisation alone; entries of `prices`; a known model; or `default_price`. */
  readonly origin: 'organization' | 'config' | 'known' | 'default';
  /** The source of a known price, also of one that an entry takes. */
  readonly source: string | null;
  /** The name of the entry that matched: a pattern of the file, or the id of a known model; `*` for the default. */
  readonly name: string;
  /** Of those that apply at a moment, the last counts. */
  readonly rules: readonly PriceRule[];
}

/** The price of a model at a moment. */
export interface FoundPrice {
  /** Null if the cost of the model is not known. */
  readonly price: ModelPrice | null;
  readonly match: PriceMatch | null;
  /** The first moment at which the price may be another one, in milliseconds since 1970; infinite for never. */
  readonly untilMs: number;
}

/** The part of a configuration that prices follow from. */
export interface PriceFacts extends Pick<TollgateConfig, 'prices' | 'defaultPrice'> {
  readonly providers: readonly Pick<TollgateConfig['providers'][number], 'name' | 'source'>[];
}

/** A name in `prices` of one provider, with all its entries. */
interface NamedEntries {
  readonly name: string;
  readonly entries: readonly PriceEntry[];
}

/**
 * All prices of a configuration, known ones included. A price follows from the provider's entry and the exact id of the
 * model: from the prices of the organisation that calls, else from `prices` of the file, else from the source that the
 * provider's host or `source` names, else from `default_price`.
 *
 * @example
 * new PriceBook(config).at('openai', 'gpt-4o-mini', Date.now()).price?.inputNanoUsdPerMillion; // 150_000_000n
 */
export class PriceBook {
  readonly #ownOf: NamesOf;
  readonly #entriesOf: NamesOf;
  readonly #sources: ReadonlyMap<string, string>;
  readonly #default: PriceMatch | null;

  /** `own` are the prices of one organisation, for a book of that organisation. */
  constructor({ prices, defaultPrice, providers }: PriceFacts, own: readonly PriceEntry[] = []) {
    this.#ownOf = namesOf(own);
    this.#entriesOf = namesOf(prices);
    this.#sources = new Map(
      providers.flatMap(({ name, source }) => (source === null || source === undefined ? [] : [[name, source]])),
    );
    this.#default =
      defaultPrice === null ? null : { origin: 'default', source: null, name: '*', rules: [always(defaultPrice)] };
  }

  /** What a model of a provider costs at a moment, in milliseconds since 1970. */
  at(provider: string, model: string, nowMs: number): FoundPrice {
    let untilMs = Infinity;
    for (const match of this.matches(provider, model)) {
      const found = pricesAt(match.rules, nowMs);
      untilMs = Math.min(untilMs, found.untilMs);
      if (found.price !== null) return { price: found.price, match, untilMs };
    }
    return { price: null, match: null, untilMs };
  }

  /** All that a model of a provider may be priced by, in the order in which they are asked. */
  matches(provider: string, model: string): readonly PriceMatch[] {
    const source = this.#sources.get(provider) ?? null;
    const known = source === null ? null : knownPrice(source, model);
    const named = this.#entriesOf.get(provider)?.(model) ?? null;
    const common: PriceMatch[] = [
      ...(named === null ? [] : matchOf('config', named, model, source, known)),
      ...(known === null
        ? []
        : [{ origin: 'known' as const, source: known.source, name: known.model, rules: known.rules }]),
      ...(this.#default === null ? [] : [this.#default]),
    ];
    const own = this.#ownOf.get(provider)?.(model) ?? null;
    if (own === null) return common;
    const listed = common.find(({ origin }) => origin !== 'default')?.rules.at(-1)?.price ?? null;
    const entries = own.entries.map((entry) => withLimitsOf(listed, entry));
    return [...matchOf('organization', { ...own, entries }, model, source, known), ...common];
  }
}

/** Finds the entries of a model, for each provider that has any. */
type NamesOf = ReadonlyMap<string, (model: string) => NamedEntries | null>;

function namesOf(prices: readonly PriceEntry[]): NamesOf {
  const providers = new Set(prices.map(({ provider }) => provider));
  return new Map(
    [...providers].map((provider) => {
      const entries = prices.filter((entry) => entry.provider === provider);
      const named = [...new Set(entries.map(({ model }) => model))].map((name) => ({
        name,
        entries: entries.filter(({ model }) => model === name),
      }));
      return [provider, compileNames(named, ({ name }) => name)];
    }),
  );
}

/**
 * An organisation's entry with what the model is known to take, where it does not say that itself: another price makes
 * no other model.
 */
function withLimitsOf(listed: ModelPrice | null, entry: PriceEntry): PriceEntry {
  const { price, isCeilingOpen, isContextOpen, ...rest } = entry;
  if (price === null || listed === null) return entry;
  const { maxOutputTokens, contextTokens, tokenizer, imageTokensMax, audioTokensPerSecond } = listed;
  const known = {
    ...(tokenizer !== undefined && { tokenizer }),
    ...(imageTokensMax !== undefined && { imageTokensMax }),
    ...(audioTokensPerSecond !== undefined && { audioTokensPerSecond }),
  };
  const open = {
    ...(isCeilingOpen === true && { maxOutputTokens }),
    ...(isContextOpen === true && { contextTokens }),
  };
  return { ...rest, price: { ...known, ...price, ...open } };
}

const always = (price: ModelPrice): PriceRule => ({ price, fromMs: null, untilMs: null, hours: null });

/** The entries of one name for a model that it matches; none if they take a price that is not known. */
function matchOf(
  origin: 'organization' | 'config',
  { name, entries }: NamedEntries,
  model: string,
  source: string | null,
  known: KnownPrice | null,
): PriceMatch[] {
  // Entries with hours go before the others, so they stand behind them.
  const ordered = [...entries].sort((a, b) => Number(a.hours !== undefined) - Number(b.hours !== undefined));
  const rules = ordered.flatMap((entry) => rulesOf(entry, model, source, known));
  const like = entries.find((entry) => entry.like !== undefined)?.like;
  return rules.length === 0 ? [] : [{ origin, source: like?.source ?? null, name, rules }];
}

function rulesOf(entry: PriceEntry, model: string, source: string | null, known: KnownPrice | null): PriceRule[] {
  const { price, like, fromMs = null, untilMs = null, hours = null } = entry;
  if (like !== undefined) return likeRules(like, model).flatMap((rule) => within(rule, entry));
  if (price === null) return [];
  return [{ price: withKnown(price, entry.isCeilingOpen === true, model, source, known), fromMs, untilMs, hours }];
}

/** What an entry leaves out and is known of the model: its ceiling, and that it counts images as text. */
function withKnown(
  price: ModelPrice,
  isCeilingOpen: boolean,
  model: string,
  source: string | null,
  known: KnownPrice | null,
): ModelPrice {
  const ceiling = isCeilingOpen && source !== null ? knownLimits(source, model).output : null;
  const withCeiling = ceiling === null ? price : { ...price, maxOutputTokens: ceiling };
  const knownNow = known?.rules[0]?.price;
  const countsImagesAsText =
    knownNow?.more?.classes.imageInput !== undefined &&
    knownNow.more.classes.imageInput === knownNow.inputNanoUsdPerMillion;
  if (!countsImagesAsText || price.more?.classes.imageInput !== undefined) return withCeiling;
  return withOverrides(withCeiling, { more: { ...NO_MORE, classes: { imageInput: price.inputNanoUsdPerMillion } } });
}

const NO_MORE = {
  classes: {},
  toolCalls: new Map<string, bigint>(),
  serviceTiers: new Map(),
  speeds: new Map(),
  inferenceGeos: new Map(),
  longContext: [],
};

function likeRules({ source, model, overrides }: LikeKnown, asked: string): PriceRule[] {
  const known = knownPrice(source, model ?? asked);
  return (known?.rules ?? []).map((rule) => ({ ...rule, price: withOverrides(rule.price, overrides) }));
}

/** A rule of a known model for the time of an entry; none if they never meet. */
function within(rule: PriceRule, { fromMs, untilMs }: PriceEntry): PriceRule[] {
  const from = Math.max(rule.fromMs ?? -Infinity, fromMs ?? -Infinity);
  const until = Math.min(rule.untilMs ?? Infinity, untilMs ?? Infinity);
  if (from >= until) return [];
  return [
    {
      price: rule.price,
      fromMs: from === -Infinity ? null : from,
      untilMs: until === Infinity ? null : until,
      hours: rule.hours,
    },
  ];
}
