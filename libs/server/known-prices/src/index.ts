export { hasDates, knownLimits, knownModels, knownPrice, knownPricesVersion, type KnownPrice } from './known-prices.js';
export { sourceOfHost, SOURCES } from './sources.js';
