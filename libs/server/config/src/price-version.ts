import { createHash } from 'node:crypto';
import type { Factor, MorePrices } from '@tollgate/pricing';
import type { PriceEntry } from './config.js';
import { CONTEXT_TOKENS_DEFAULT } from './schema.js';

/** A name for a list of prices, the same for the same prices in any order: 12 hex digits of a SHA-256. */
export function priceVersion(prices: readonly PriceEntry[]): string {
  const rows = prices.map(({ provider, model, price }) =>
    JSON.stringify([
      provider,
      model,
      `${price.inputNanoUsdPerMillion}`,
      `${price.outputNanoUsdPerMillion}`,
      price.cachedInputNanoUsdPerMillion === null ? null : `${price.cachedInputNanoUsdPerMillion}`,
      price.maxOutputTokens,
      // Left out where nobody named one: files from before there was such a setting keep their version.
      ...(price.contextTokens === CONTEXT_TOKENS_DEFAULT ? [] : [price.contextTokens]),
      ...(price.more === undefined ? [] : [rowOf(price.more)]),
    ]),
  );
  return createHash('sha256').update(rows.sort().join('\n')).digest('hex').slice(0, 12);
}

/** The prices that few models have, the same for the same ones in any order. */
function rowOf({ classes, toolCalls, serviceTiers, speeds, inferenceGeos, longContext }: MorePrices): unknown[] {
  return [
    sorted(Object.entries(classes).map(([name, price]) => [name, `${price}`])),
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
