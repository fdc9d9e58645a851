export { classPrices, type ClassPrices, type PricedClass } from './class-prices.js';
export {
  costOf,
  pricedCall,
  priceLines,
  sumOf,
  withMarkUp,
  type PricedCall,
  type PriceLine,
  type PriceOf,
} from './cost.js';
export { costBound, unpricedTool, type BoundExtras, type ToolUses } from './cost-bound.js';
export {
  MORE_CLASSES,
  TOKENIZERS,
  toolFees,
  type Factor,
  type LongContext,
  type ModelPrice,
  type MoreClass,
  type MorePrices,
  type Tokenizer,
} from './model-price.js';
export { pricesAt, type DailyHours, type PriceRule, type PricesNow } from './price-rules.js';
export { unpricedModes, type AskedModes, type UnpricedMode } from './price-modes.js';
