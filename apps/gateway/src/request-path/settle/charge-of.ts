import { CAP_NANO_USD_MAX } from '@tollgate/credit';
import { withMarkUp } from '@tollgate/pricing';
import { NO_DETAILS, type ModelPass, type TokenUsage } from '@tollgate/usage';
import type { Target } from '../choose-route/route-table.js';
import type { Exchange, Received } from '../exchange/exchange.js';
import { markUpOf } from '../exchange/mark-up.js';
import { NO_USAGE } from '../forward/call.js';
import type { ReportInVain } from '../forward/reports-in-vain.js';
import { plausibleUsage } from './plausible-usage.js';
import { COST_NANO_USD_MAX, pricedInParts, pricedUsage, type PricedUsage } from './priced-usage.js';

/** What a call costs and what is charged for it, in nano-USD. */
export interface Charge {
  /** The cost of the whole report, and of what attempts reported that gave the client no answer. */
  readonly costNanoUsd: bigint;
  /**
   * At most the cost of what the request can have used, for every key alike, at most the hold, if there is one, and at
   * most what an account can hold.
   */
  readonly chargeNanoUsd: bigint;
  /** What is charged up to the hold: the cost of the answer with the mark-up; undefined where that is all of it. */
  readonly billableNanoUsd: bigint | undefined;
  /** The price lines of the cost, as the JSON of an event. */
  readonly priceLines: string;
  /** Whether a part of what was used has no price: the cost is that of the rest. Undefined for no. */
  readonly unpriced: true | undefined;
  /** The usage of the event: the believed tokens, so that one broken report does not spoil the totals of a key. */
  readonly usage: TokenUsage;
}

/** More is charged for no call: the ledger takes no event with a charge above it. */
const CHARGE_NANO_USD_MAX = CAP_NANO_USD_MAX;
/** An event has room for so many passes. */
const PASSES_MAX = 64;
const NO_COST: PricedUsage = { costNanoUsd: 0n, linesText: '[]', millionths: 0, unpriced: false };

/**
 * Prices a call by its usage, as reported or counted. A call that has ended and one that may be cut off by the end of
 * this process are priced here alike. `owesNothing` says that the client gets no part of an answer: the report is then
 * the platform's loss, as are those of attempts before.
 */
export function chargeOf(
  exchange: Pick<Received, 'ask' | 'holdNanoUsd'> & Pick<Exchange, 'key' | 'reportsInVain'>,
  target: Target,
  reported: TokenUsage,
  owesNothing = false,
): Charge {
  // A call of which nothing was reported or counted costs no fee for the request either.
  const cost = reported === NO_USAGE ? NO_COST : pricedUsage(target.price, reported, target.priceOf);
  const { believed, owed } = plausibleUsage(exchange, target, reported);
  const markUpMillionths = markUpOf(exchange);
  const billableNanoUsd = billable(cost, markUpMillionths);
  // Nothing is priced twice but a report that was cut.
  const owedNanoUsd =
    owed === reported ? billableNanoUsd : billable(pricedUsage(target.price, owed, target.priceOf), markUpMillionths);
  const { holdNanoUsd, reportsInVain } = exchange;
  const most = holdNanoUsd === null || holdNanoUsd > CHARGE_NANO_USD_MAX ? CHARGE_NANO_USD_MAX : holdNanoUsd;
  const charge: Charge = {
    costNanoUsd: cost.costNanoUsd,
    chargeNanoUsd: least(billableNanoUsd, owedNanoUsd, most),
    billableNanoUsd: markUpMillionths === 0 ? undefined : billableNanoUsd,
    priceLines: cost.linesText,
    unpriced: target.unpriced === true || cost.unpriced ? true : undefined,
    usage: believed,
  };
  const owing = owesNothing ? forNothing(charge) : charge;
  return reportsInVain === null || reportsInVain.length === 0
    ? owing
    : withReportsInVain(exchange, owing, reportsInVain);
}

/** The same costs of a call that owes nothing. */
function forNothing(charge: Charge): Charge {
  return { ...charge, chargeNanoUsd: 0n, billableNanoUsd: charge.costNanoUsd === 0n ? undefined : 0n };
}

/** Adds what attempts used that gave the client no answer: to the cost, and as passes of their models. */
function withReportsInVain(
  exchange: Parameters<typeof plausibleUsage>[0],
  charge: Charge,
  reports: readonly ReportInVain[],
): Charge {
  let { costNanoUsd, unpriced } = charge;
  const lines = [charge.priceLines];
  const passes: ModelPass[] = [];
  for (const { target, usage } of reports) {
    const cost = pricedInParts(target.price, usage, target.priceOf, target.model);
    costNanoUsd += cost.costNanoUsd;
    lines.push(cost.linesText);
    if (target.unpriced === true || cost.unpriced) unpriced = true;
    passes.push({
      kind: 'attempt_in_vain',
      model: target.model,
      usage: plausibleUsage(exchange, target, usage).believed,
    });
  }
  const { usage } = charge;
  const { details = NO_DETAILS } = usage;
  const isAbsurd = costNanoUsd >= COST_NANO_USD_MAX;
  return {
    ...charge,
    costNanoUsd: isAbsurd ? COST_NANO_USD_MAX : costNanoUsd,
    billableNanoUsd: charge.billableNanoUsd ?? charge.costNanoUsd,
    priceLines: isAbsurd ? '[]' : joined(lines),
    unpriced,
    usage: { ...usage, details: { ...details, passes: [...details.passes, ...passes].slice(0, PASSES_MAX) } },
  };
}

/** One list of price lines, as JSON. */
function joined(lists: readonly string[]): string {
  return `[${lists
    .map((list) => list.slice(1, -1))
    .filter((inside) => inside !== '')
    .join(',')}]`;
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
