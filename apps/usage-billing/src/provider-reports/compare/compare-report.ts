import { utcDay } from '../../store/utc-day.js';
import type { ReportRow } from '../read-report/report-row.js';

/** What the ledger has of a model on a day. Costs are of before the mark-up, the platform's loss included. */
export interface LedgerUsage {
  readonly day: string;
  readonly model: string;
  readonly costNanoUsd: bigint;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly requests: number;
  /** Requests of models without a price: their cost is unknown, not 0. */
  readonly unpricedRequests: number;
}

/** Why two sides may differ. It is the likely cause, not a proof. */
export const LIKELY_CAUSES = [
  'calls_outside_tollgate',
  'not_in_report',
  'no_price',
  'price_differs',
  'day_boundary',
  'usage_differs',
  'not_attributed_to_a_model',
] as const;
type LikelyCause = (typeof LIKELY_CAUSES)[number];

/** The sums of one side; null where the side does not say it. */
export interface SideSums {
  readonly costNanoUsd: bigint | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly requests: number | null;
}

/** A model and a day of which the two sides do not say the same. */
export interface ReportDifference {
  readonly day: string;
  readonly model: string | null;
  readonly provider: SideSums;
  readonly ledger: SideSums;
  /** What the provider has more than the ledger; null if the report has no costs. */
  readonly differenceNanoUsd: bigint | null;
  readonly likelyCause: LikelyCause;
}

interface Pair {
  readonly day: string;
  readonly model: string | null;
  provider: SideSums | null;
  ledger: (SideSums & { readonly unpricedRequests: number }) | null;
}

/** Providers report the dated build of a model that answered for its name: `gpt-4o-mini-2024-07-18`. */
const BUILD = /-(?:\d{4}-\d{2}-\d{2}|\d{8})$/;

/** The name of a model without its build, by which the two sides are compared. */
export function modelName(model: string): string {
  return model.replace(BUILD, '');
}

/** What a report says of usage, also of the days of which it has nothing. */
export interface Says {
  readonly cost: boolean;
  readonly tokens: boolean;
}

/** What a report of this format says. CSV may say either or both. */
export function whatSays(format: string, rows: readonly ReportRow[]): Says {
  return {
    cost: format.endsWith('_costs') || rows.some(({ costNanoUsd }) => costNanoUsd !== null),
    tokens: format.endsWith('_usage') || rows.some(({ inputTokens }) => inputTokens !== null),
  };
}

/**
 * Compares a provider's report with the ledger, by model and day. Where a report says nothing of tokens or of costs,
 * these are not compared. Days that neither side has are no difference.
 */
export function compareReport(
  rows: readonly ReportRow[],
  usage: readonly LedgerUsage[],
  says: Says,
): readonly ReportDifference[] {
  const pairs = new Map<string, Pair>();
  const pairOf = (day: string, model: string | null): Pair => {
    const name = model === null ? null : modelName(model);
    const key = `${day} ${name ?? ''}`;
    const known = pairs.get(key) ?? { day, model: name, provider: null, ledger: null };
    pairs.set(key, known);
    return known;
  };
  for (const row of rows) {
    const pair = pairOf(row.day, row.model);
    pair.provider = added(pair.provider, row);
  }
  for (const row of usage) {
    const pair = pairOf(row.day, row.model);
    const unpricedRequests = (pair.ledger?.unpricedRequests ?? 0) + row.unpricedRequests;
    pair.ledger = { ...added(pair.ledger, row), unpricedRequests };
  }
  const differing = [...pairs.values()].filter((pair) => differs(pair, says));
  differing.sort((a, b) => (a.day === b.day ? compareText(a.model ?? '', b.model ?? '') : compareText(a.day, b.day)));
  return differing.map((pair) => ({
    day: pair.day,
    model: pair.model,
    provider: pair.provider ?? nothingIn(says),
    ledger: shownLedger(pair),
    differenceNanoUsd: says.cost ? costOf(pair.provider) - costOf(pair.ledger) : null,
    likelyCause: causeOf(pair, pairs, says),
  }));
}

const NOTHING: SideSums = { costNanoUsd: 0n, inputTokens: 0, outputTokens: 0, requests: 0 };
/** Of a day and a model that a report has not it says that nothing was used, as far as it says anything. */
const nothingIn = ({ cost, tokens }: Says): SideSums => ({
  costNanoUsd: cost ? 0n : null,
  inputTokens: tokens ? 0 : null,
  outputTokens: tokens ? 0 : null,
  requests: tokens ? 0 : null,
});
const costOf = (side: SideSums | null): bigint => side?.costNanoUsd ?? 0n;
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function shownLedger({ ledger }: Pair): SideSums {
  if (ledger === null) return NOTHING;
  const { costNanoUsd, inputTokens, outputTokens, requests } = ledger;
  return { costNanoUsd, inputTokens, outputTokens, requests };
}

function added(sums: SideSums | null, row: SideSums): SideSums {
  if (sums === null) return row;
  return {
    costNanoUsd: plus(sums.costNanoUsd, row.costNanoUsd),
    inputTokens: plusCount(sums.inputTokens, row.inputTokens),
    outputTokens: plusCount(sums.outputTokens, row.outputTokens),
    requests: plusCount(sums.requests, row.requests),
  };
}

const plus = (a: bigint | null, b: bigint | null): bigint | null => (a === null ? b : b === null ? a : a + b);
/** A sum that is too large to be exact is absurd, and the largest that is. */
const plusCount = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a + b, Number.MAX_SAFE_INTEGER);

function differs({ provider, ledger }: Pair, says: Says): boolean {
  return (
    (says.cost && costOf(provider) !== costOf(ledger)) ||
    (says.tokens && !sameTokens(provider ?? NOTHING, ledger ?? NOTHING))
  );
}

function sameTokens(provider: SideSums, ledger: SideSums): boolean {
  return (
    (provider.inputTokens ?? ledger.inputTokens) === ledger.inputTokens &&
    (provider.outputTokens ?? ledger.outputTokens) === ledger.outputTokens
  );
}

function causeOf(pair: Pair, pairs: ReadonlyMap<string, Pair>, says: Says): LikelyCause {
  const { model, provider, ledger } = pair;
  if (model === null) return 'not_attributed_to_a_model';
  if (movedOverMidnight(pair, pairs, says)) return 'day_boundary';
  if (ledger === null) return 'calls_outside_tollgate';
  if (provider === null) return 'not_in_report';
  if (ledger.unpricedRequests > 0) return 'no_price';
  const comparable = says.tokens && provider.inputTokens !== null;
  if (comparable && sameTokens(provider, ledger)) return 'price_differs';
  const more =
    (provider.requests !== null && provider.requests > (ledger.requests ?? 0)) ||
    (comparable && (provider.inputTokens ?? 0) > (ledger.inputTokens ?? 0));
  if (more) return 'calls_outside_tollgate';
  if (comparable) return 'usage_differs';
  // Nothing is known but two amounts. A price that is another one is so by a part, not many times over.
  const [theirs, ours] = [costOf(provider), costOf(ledger)];
  const apart = theirs > ours ? theirs - ours : ours - theirs;
  if (apart * 100n <= ours * PRICE_PERCENT_MAX) return 'price_differs';
  return theirs > ours ? 'calls_outside_tollgate' : 'not_in_report';
}

/** Up to here a difference of cost alone is likelier one of prices, rounding or a negotiated discount than of calls. */
const PRICE_PERCENT_MAX = 20n;

/** Whether what one day has too much the next or the former day has too little, to the last unit. */
function movedOverMidnight({ day, model, provider, ledger }: Pair, pairs: ReadonlyMap<string, Pair>, says: Says) {
  return [-1, 1].some((step) => {
    const other = pairs.get(`${dayAfter(day, step)} ${model ?? ''}`);
    if (other === undefined) return false;
    const sum = (side: SideSums | null, of: SideSums | null): SideSums => added(side ?? NOTHING, of ?? NOTHING);
    const [theirs, ours] = [sum(provider, other.provider), sum(ledger, other.ledger)];
    return (!says.cost || theirs.costNanoUsd === ours.costNanoUsd) && (!says.tokens || sameTokens(theirs, ours));
  });
}

function dayAfter(day: string, days: number): string {
  return utcDay(Date.parse(day) + days * 86_400_000);
}
