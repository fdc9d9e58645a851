export { CAP_NANO_USD_MAX, formatUsd, parseUsd } from './money.js';
export type { AdmissionDecision, OpenHold, RateLimitsItem, RateState, ReserveItem, SettleItem } from './items.js';
