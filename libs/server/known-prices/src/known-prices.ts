import { createHash } from 'node:crypto';
import { findProvider, type ModelInfo, type Provider } from '@pydantic/genai-prices';
import type { PriceRule } from '@tollgate/pricing';
import { limitsFile } from './model-limits.js';
import { listedIds, pricesId, pricesSnapshot } from './model-ids.js';
import { limitsFor, priceRules } from './price-rules.js';
import { SOURCES } from './sources.js';

/** The price of a model that nobody had to write down. */
export interface KnownPrice {
  /** The source whose price it is. Azure sells the models of others at their prices. */
  readonly source: string;
  /** The id of the entry that matched: the model's own, or the one of which it is a snapshot. */
  readonly model: string;
  /** In the order in which they win: of those that apply at a moment, the last. */
  readonly rules: readonly PriceRule[];
}

/** Sources whose models with these ids cost what they cost at another source, as the price data says. */
const SELLS_FOR: Readonly<Record<string, readonly string[]>> = {
  azure: ['openai', 'anthropic', 'deepseek', 'x-ai', 'moonshotai'],
  google: ['anthropic'],
};

const found = new Map<string, KnownPrice | null>();
/** Callers can make up names that a wildcard route accepts. */
const FOUND_MAX = 10_000;

/**
 * What a model of a source costs, by its exact id; null if it is not known. An entry of the source without a price is
 * no price: unknown is not free.
 *
 * @example
 * knownPrice('openai', 'gpt-4o-mini')?.rules[0].price.inputNanoUsdPerMillion; // 150_000_000n
 */
export function knownPrice(source: string, model: string): KnownPrice | null {
  const name = `${source}/${model}`;
  const known = found.get(name);
  if (known !== undefined) return known;
  if (found.size >= FOUND_MAX) found.clear();
  const price = find(source, model);
  found.set(name, price);
  return price;
}

function find(source: string, model: string): KnownPrice | null {
  for (const each of [source, ...(SELLS_FOR[source] ?? [])]) {
    const entry = entryOf(each, model);
    const rules = entry === null ? [] : priceRules(entry, { source, of: each, model });
    if (entry !== null && rules.length > 0) return { source: each, model: entry.id, rules };
  }
  return null;
}

function entryOf(source: string, model: string): ModelInfo | null {
  const models = providerOf(source)?.models ?? [];
  return models.find((entry) => pricesId(entry, model)) ?? models.find((entry) => pricesSnapshot(entry, model)) ?? null;
}

/** The provider of exactly this id. The package itself takes any name that contains one. */
function providerOf(source: string): Provider | undefined {
  if (!SOURCES.includes(source)) return undefined;
  const provider = findProvider({ providerId: source });
  return provider?.id === source ? provider : undefined;
}

/** The ids of models that a source lists, each with its price. */
export function knownModels(source: string): readonly { readonly id: string; readonly price: KnownPrice }[] {
  const ids = new Set((providerOf(source)?.models ?? []).flatMap(listedIds));
  return [...ids].sort().flatMap((id) => {
    const price = knownPrice(source, id);
    return price === null ? [] : [{ id, price }];
  });
}

/** The longest answer and input that are known of a model of a source, in tokens; null for what is not known. */
export function knownLimits(
  source: string,
  model: string,
): { readonly output: number | null; readonly input: number | null } {
  for (const of of [source, ...(SELLS_FOR[source] ?? [])]) {
    const entry = entryOf(of, model);
    const limits = limitsFor(entry, { source, of, model });
    const input = Math.max(limits.input ?? 0, entry?.context_window ?? 0);
    if (limits.output !== undefined || input > 0) return { output: limits.output ?? null, input: input || null };
  }
  return { output: null, input: null };
}

let version: string | null = null;

/** A name for all that is known here: it changes with any price. */
export function knownPricesVersion(): string {
  return (version ??= createHash('sha256')
    .update(JSON.stringify([PRICES_VERSION, limitsFile().origin]))
    .digest('hex')
    .slice(0, 12));
}

/** The release of the price data that `package.json` pins; a test holds the two together. */
export const PRICES_VERSION = '@pydantic/genai-prices 0.1.8';
