export {
  knownLimits,
  knownModels,
  knownPrice,
  knownPricesVersion,
  PRICES_VERSION,
  type KnownPrice,
} from './known-prices.js';
export { sourceOfHost, SOURCES } from './sources.js';
