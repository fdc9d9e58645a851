import { createHash } from 'node:crypto';
import { formatUsd, readUsd } from '@tollgate/credit';
import { validate, type FieldFault } from '@tollgate/errors';
import { z } from 'zod';
import type { PriceEntry } from './config.js';
import { priceFaults } from './price-checks.js';
import { toPriceEntry } from './price-entry.js';
import { priceSchema } from './schema.js';

/** The most prices of one organisation: they travel in its snapshot, with each change of it. */
export const PRICE_OVERRIDES_MAX = 100;
/** The most bytes of them as JSON, so that the snapshot stays small however much an entry says. */
export const PRICE_OVERRIDES_BYTES_MAX = 32_768;

/** Prices of one organisation, in the shape of `prices` in config.yaml. */
export const priceOverridesSchema = z
  .array(priceSchema)
  .max(PRICE_OVERRIDES_MAX)
  .describe('Prices in the shape of `prices` in config.yaml; they go before those that everybody has');
type PriceOverridesFields = z.output<typeof priceOverridesSchema>;

/** Prices of one organisation as they are stored and sent to gateways. */
export interface StoredPriceOverrides {
  /** Of what they say, in the order in which they were written: 12 hex digits. */
  readonly version: string;
  /** As they were written, with amounts as decimal text. */
  readonly entries: PriceOverridesFields;
}

/** Prices of one organisation in the form in which calls are priced. */
export interface OwnPrices {
  readonly version: string;
  readonly entries: readonly PriceEntry[];
}

/**
 * What is wrong with prices of one organisation that fit the schema, by the rules of config.yaml: a provider that there
 * is not, prices for the same time, a known model that is none; and that they take too much room. Paths begin at
 * `prices`.
 */
export function priceOverrideFaults(prices: PriceOverridesFields, providers: readonly string[]): FieldFault[] {
  const faults = priceFaults(prices, (provider) => providers.includes(provider));
  const bytes = Buffer.byteLength(JSON.stringify(storedPriceOverrides(prices).entries));
  if (bytes <= PRICE_OVERRIDES_BYTES_MAX) return faults;
  const message = `must take at most ${PRICE_OVERRIDES_BYTES_MAX} bytes as JSON, not ${bytes}`;
  return [...faults, { path: ['prices'], message }];
}

/** Prices of one organisation for the store. Numbers become text, which no reader rounds. */
export function storedPriceOverrides(prices: PriceOverridesFields): StoredPriceOverrides {
  const entries = prices.map((entry) => withAmountsAsText(entry) as PriceOverridesFields[number]);
  const version = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 12);
  return { version, entries };
}

/**
 * Stored prices for calls. Null if this release cannot read them as they are meant: they say something that it does not
 * know, or take the price of a model that it has none of.
 */
export function ownPrices({
  version,
  entries,
}: {
  readonly version: string;
  readonly entries: unknown;
}): OwnPrices | null {
  const read = validate(priceOverridesSchema, entries);
  if (read.kind === 'invalid' || priceFaults(read.value, () => true).length > 0) return null;
  return { version, entries: read.value.map(toPriceEntry) };
}

/** The version that usage events name: of the prices that everybody has, and of an organisation's own. */
export function priceVersionWith(common: string, own: string): string {
  return `${common}-${own}`;
}

const IS_AMOUNT = /_usd(?:_per_million)?$/;
const IS_AMOUNTS = /_usd_per_thousand$/;

/** An entry with its fields in the order of their names. */
function withAmountsAsText(entry: object): object {
  const fields = Object.entries(entry).map(([name, value]: [string, unknown]): [string, unknown] => {
    if (IS_AMOUNT.test(name)) return [name, amountText(value)];
    if (!IS_AMOUNTS.test(name)) return [name, value];
    return [name, Object.fromEntries(Object.entries(value as object).map(([tool, fee]) => [tool, amountText(fee)]))];
  });
  return Object.fromEntries(fields.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function amountText(value: unknown): string {
  const amount = readUsd(value as string | number);
  if (amount === null) throw new Error('an amount of USD passed the schema that is none');
  return formatUsd(amount);
}
