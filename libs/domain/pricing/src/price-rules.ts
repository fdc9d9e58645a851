import type { ModelPrice } from './model-price.js';

/** A price of a model, and when it applies. */
export interface PriceRule {
  readonly price: ModelPrice;
  /** The first moment at which it applies, and the first at which it does not any more; milliseconds since 1970. */
  readonly fromMs: number | null;
  readonly untilMs: number | null;
  /** The hours of each day (UTC) at which it applies; null for all. */
  readonly hours: DailyHours | null;
}

/** A part of each day in UTC, in minutes since 00:00: from 22:00 until 06:00 is 1,320 until 360. */
export interface DailyHours {
  readonly fromMinute: number;
  /** The first minute that is not among them. */
  readonly untilMinute: number;
}

/** The price of a model at a moment. */
export interface PricesNow {
  /** Null if none applies: then the price is not known. */
  readonly price: ModelPrice | null;
  /** The first moment at which another price may apply, in milliseconds since 1970; infinite for never. */
  readonly untilMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * The price that applies at a moment: the last one of the rules that does. `untilMs` is never late, and may be early.
 *
 * @example
 * pricesAt([{ price, fromMs: null, untilMs: null, hours: null }], Date.now()); // { price, untilMs: Infinity }
 */
export function pricesAt(rules: readonly PriceRule[], nowMs: number): PricesNow {
  let price: ModelPrice | null = null;
  let untilMs = Infinity;
  for (const rule of rules) {
    if (applies(rule, nowMs)) price = rule.price;
    untilMs = Math.min(untilMs, nextChange(rule, nowMs));
  }
  return { price, untilMs };
}

function applies({ fromMs, untilMs, hours }: PriceRule, nowMs: number): boolean {
  if ((fromMs !== null && nowMs < fromMs) || (untilMs !== null && nowMs >= untilMs)) return false;
  return hours === null || isWithin(hours, nowMs);
}

function isWithin({ fromMinute, untilMinute }: DailyHours, nowMs: number): boolean {
  const minute = (nowMs % DAY_MS) / MINUTE_MS;
  return fromMinute < untilMinute
    ? minute >= fromMinute && minute < untilMinute
    : minute >= fromMinute || minute < untilMinute;
}

/** When a rule begins or ends to apply next. */
function nextChange({ fromMs, untilMs, hours }: PriceRule, nowMs: number): number {
  if (fromMs !== null && nowMs < fromMs) return fromMs;
  if (untilMs !== null && nowMs >= untilMs) return Infinity;
  const end = untilMs ?? Infinity;
  if (hours === null) return end;
  const midnight = nowMs - (nowMs % DAY_MS);
  const next = (minute: number): number => {
    const today = midnight + minute * MINUTE_MS;
    return today > nowMs ? today : today + DAY_MS;
  };
  return Math.min(end, next(hours.fromMinute), next(hours.untilMinute));
}
