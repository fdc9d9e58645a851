import type { PricedConfig } from './price-list.js';

/** Token of the `PricedConfig`. */
export const PRICED_CONFIG = Symbol('PRICED_CONFIG');

/** For a process that was given no configuration: it knows what everybody knows. */
export const NO_CONFIG: PricedConfig = { routes: [], prices: [], providers: [], defaultPrice: null, priceVersion: '' };
