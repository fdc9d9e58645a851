import { withMarkUp } from '@tollgate/pricing';
import type { TokenUsage } from '@tollgate/usage';
import type { Target } from '../choose-route/route-table.js';
import type { Exchange, Received } from '../exchange/exchange.js';
import { markUpOf } from '../exchange/mark-up.js';
import { plausibleUsage } from './plausible-usage.js';
import { COST_NANO_USD_MAX, pricedUsage, type PricedUsage } from './priced-usage.js';

/** What a call costs and what is charged for it, in nano-USD. */
export interface Charge {
  /** The cost of the whole report. */
  readonly costNanoUsd: bigint;
  /** At most the cost of what the request can have used, for every key alike, and at most the hold, if there is one. */
  readonly chargeNanoUsd: bigint;
  /** The cost with the mark-up; undefined where nothing is added to the cost. */
  readonly billableNanoUsd: bigint | undefined;
  /** The price lines of the cost, as the JSON of an event. */
  readonly priceLines: string;
  /** Whether a part of what was used has no price: the cost is that of the rest. Undefined for no. */
  readonly unpriced: true | undefined;
  /** The usage of the event: the believed tokens, so that one broken report does not spoil the totals of a key. */
  readonly usage: TokenUsage;
}

/**
 * Prices a call by its usage, as reported or counted. A call that has ended and one that may be cut off by the end of
 * this process are priced here alike.
 */
export function chargeOf(
  exchange: Pick<Received, 'ask' | 'holdNanoUsd'> & Pick<Exchange, 'key'>,
  target: Target,
  reported: TokenUsage,
): Charge {
  const cost = pricedUsage(target.price, reported, target.priceOf);
  const { believed, owed } = plausibleUsage(exchange, target, reported);
  const markUpMillionths = markUpOf(exchange);
  const billableNanoUsd = billable(cost, markUpMillionths);
  // Nothing is priced twice but a report that was cut.
  const owedNanoUsd =
    owed === reported ? billableNanoUsd : billable(pricedUsage(target.price, owed, target.priceOf), markUpMillionths);
  return {
    costNanoUsd: cost.costNanoUsd,
    chargeNanoUsd: least(billableNanoUsd, owedNanoUsd, exchange.holdNanoUsd ?? billableNanoUsd),
    billableNanoUsd: markUpMillionths === 0 ? undefined : billableNanoUsd,
    priceLines: cost.linesText,
    unpriced: target.unpriced === true || cost.unpriced ? true : undefined,
    usage: believed,
  };
}

const least = (one: bigint, other: bigint, third: bigint): bigint => {
  const less = one < other ? one : other;
  return less < third ? less : third;
};

/** The cost with the mark-up, rounded up once. */
function billable({ costNanoUsd, millionths }: PricedUsage, markUpMillionths: number): bigint {
  if (markUpMillionths === 0) return costNanoUsd;
  const amount = withMarkUp(BigInt(millionths), markUpMillionths);
  return amount < COST_NANO_USD_MAX ? amount : COST_NANO_USD_MAX;
}
