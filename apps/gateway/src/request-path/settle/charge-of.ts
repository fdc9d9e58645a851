import { costOf } from '@tollgate/pricing';
import type { TokenUsage } from '@tollgate/usage';
import type { Target } from '../choose-route/route-table.js';
import type { Received } from '../exchange/exchange.js';
import { plausibleUsage } from './plausible-usage.js';
import { pricedUsage } from './priced-usage.js';

/** What a call costs and what is charged for it, in nano-USD. */
export interface Charge {
  /** The cost of the whole report. */
  readonly costNanoUsd: bigint;
  /** At most the hold or, without one, the cost of what the request can have used. */
  readonly chargeNanoUsd: bigint;
  /** The cost with the mark-up; undefined where nothing is added to the cost. */
  readonly billableNanoUsd: bigint | undefined;
  /** The price lines of the cost, as the JSON of an event. */
  readonly priceLines: string;
  /** The usage of the event: the believed tokens, so that one broken report does not spoil the totals of a key. */
  readonly usage: TokenUsage;
}

/**
 * Prices a call by its usage, as reported or counted. A call that has ended and one that may be cut off by the end of
 * this process are priced here alike.
 */
export function chargeOf(
  exchange: Pick<Received, 'ask' | 'holdNanoUsd'>,
  target: Target,
  reported: TokenUsage,
): Charge {
  const { costNanoUsd, linesText } = pricedUsage(target.price, reported, target.priceOf);
  const { believed, owed } = plausibleUsage(exchange, target, reported);
  const owedNanoUsd =
    exchange.holdNanoUsd ?? (owed === reported ? costNanoUsd : costOf(target.price, owed, target.priceOf));
  return {
    costNanoUsd,
    chargeNanoUsd: costNanoUsd < owedNanoUsd ? costNanoUsd : owedNanoUsd,
    billableNanoUsd: undefined,
    priceLines: linesText,
    usage: believed,
  };
}
