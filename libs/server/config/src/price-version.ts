import { createHash } from 'node:crypto';
import { knownPricesVersion } from '@tollgate/known-prices';
import type { Factor, ModelPrice, MorePrices } from '@tollgate/pricing';
import type { PriceEntry, Provider } from './config.js';
import type { PriceOverrides } from './like-known.js';

/** What prices follow from. */
interface PriceSources {
  readonly prices: readonly PriceEntry[];
  readonly defaultPrice: ModelPrice | null;
  readonly providers: readonly Pick<Provider, 'name' | 'source'>[];
}

/**
 * A name for all prices, the same for the same prices in any order: 12 hex digits of a SHA-256. Known prices are in it
 * by their release, and by the source of each provider.
 */
export function priceVersion({ prices, defaultPrice, providers }: PriceSources): string {
  const rows = [
    ...prices.map((entry) => JSON.stringify(['price', ...entryRow(entry)])),
    ...providers.map(({ name, source }) => JSON.stringify(['source', name, source ?? null])),
    JSON.stringify(['default', defaultPrice === null ? null : priceRow(defaultPrice)]),
    JSON.stringify(['known', knownPricesVersion()]),
  ];
  return createHash('sha256').update(rows.sort().join('\n')).digest('hex').slice(0, 12);
}

function entryRow({ provider, model, price, like, isCeilingOpen, fromMs, untilMs, hours }: PriceEntry): unknown[] {
  return [
    provider,
    model,
    price === null ? null : priceRow(price),
    like === undefined ? null : [like.source, like.model, priceRow(like.overrides)],
    isCeilingOpen === true,
    [fromMs ?? null, untilMs ?? null, hours ?? null],
  ];
}

function priceRow(price: PriceOverrides): unknown[] {
  const amount = (each: bigint | null | undefined): string | null => (each == null ? null : `${each}`);
  return [
    amount(price.inputNanoUsdPerMillion),
    amount(price.outputNanoUsdPerMillion),
    amount(price.cachedInputNanoUsdPerMillion),
    price.maxOutputTokens ?? null,
    price.contextTokens ?? null,
    price.more === undefined ? null : rowOf(price.more),
  ];
}

/** The prices that few models have, the same for the same ones in any order. */
function rowOf({
  classes,
  requestNanoUsd,
  toolCalls,
  serviceTiers,
  speeds,
  inferenceGeos,
  longContext,
}: MorePrices): unknown[] {
  return [
    sorted(Object.entries(classes).map(([name, price]) => [name, `${price}`])),
    `${requestNanoUsd ?? 0n}`,
    sorted([...toolCalls].map(([tool, fee]) => [tool, `${fee}`])),
    ...[serviceTiers, speeds, inferenceGeos].map((factors) =>
      sorted([...factors].map(([name, factor]) => [name, ...thousandths(factor)])),
    ),
    sorted(longContext.map(({ aboveInputTokens, ...factor }) => [`${aboveInputTokens}`, ...thousandths(factor)])),
  ];
}

const thousandths = ({ inputThousandths, outputThousandths }: Factor): string[] => [
  `${inputThousandths}`,
  `${outputThousandths}`,
];

const sorted = (rows: string[][]): string[] => rows.map((row) => JSON.stringify(row)).sort();
