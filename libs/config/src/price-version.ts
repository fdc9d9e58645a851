import { createHash } from 'node:crypto';
import type { PriceEntry } from './config.js';

/** A name for a list of prices, the same for the same prices in any order: 12 hex digits of a SHA-256. */
export function priceVersion(prices: readonly PriceEntry[]): string {
  const rows = prices.map(({ provider, model, price }) =>
    JSON.stringify([
      provider, model, `${price.inputNanoUsdPerMillion}`, `${price.outputNanoUsdPerMillion}`,
      price.cachedInputNanoUsdPerMillion === null ? null : `${price.cachedInputNanoUsdPerMillion}`, price.maxOutputTokens,
    ]));
  return createHash('sha256').update(rows.sort().join('\n')).digest('hex').slice(0, 12);
}
