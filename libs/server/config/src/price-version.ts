import { createHash } from 'node:crypto';
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
    ]),
  );
  return createHash('sha256').update(rows.sort().join('\n')).digest('hex').slice(0, 12);
}
