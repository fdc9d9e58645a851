import { pricedCall, sumOf, type ModelPrice, type PriceLine, type PriceOf } from '@tollgate/pricing';
import type { TokenUsage } from '@tollgate/usage';

/** What a usage costs, in nano-USD, and its price lines as the JSON of an event. */
export interface PricedUsage {
  readonly costNanoUsd: bigint;
  readonly linesText: string;
  /** The cost before it is rounded, in millionths of a nano-USD. */
  readonly millionths: number | bigint;
  /** Whether a part of the usage has no price, and is not in the cost. */
  readonly unpriced: boolean;
}

/** The ledger's columns hold little more. The cost of a billion tokens at the highest price would not fit. */
export const COST_NANO_USD_MAX = 9_000_000_000_000_000_000n;

/**
 * Prices a usage. `priceOf` finds the prices of other models that it names. The lines of a cost above
 * `COST_NANO_USD_MAX` are left out: the report is absurd, and they would not add up to the cost.
 */
export function pricedUsage(price: ModelPrice, usage: TokenUsage, priceOf: PriceOf): PricedUsage {
  if (usage.details === undefined) {
    const plain = pricedPlain(price, usage);
    if (plain !== null) return plain;
  }
  return pricedInParts(price, usage, priceOf, null);
}

/** Prices a usage class by class. `model` is the name that lines of its own model have; null for none. */
export function pricedInParts(
  price: ModelPrice,
  usage: TokenUsage,
  priceOf: PriceOf,
  model: string | null,
): PricedUsage {
  const { lines, millionths, unpriced } = pricedCall(price, usage, priceOf);
  const cost = sumOf(lines);
  if (cost > COST_NANO_USD_MAX) return { costNanoUsd: COST_NANO_USD_MAX, linesText: '[]', millionths, unpriced };
  const texts = lines.map((line) => lineText(line, model));
  return { costNanoUsd: cost, linesText: `[${texts.join(',')}]`, millionths, unpriced };
}

function lineText(line: PriceLine, ownModel: string | null): string {
  const { class: name, tool, quantity, nanoUsdPerMillion, nanoUsd } = line;
  const model = line.model ?? ownModel;
  const of =
    (model === null ? '' : `"model":${JSON.stringify(model)},`) +
    (tool === null ? '' : `"tool":${JSON.stringify(tool)},`);
  return `{"class":"${name}",${of}"quantity":${quantity},"nanoUsdPerMillion":"${nanoUsdPerMillion}","nanoUsd":"${nanoUsd}"}`;
}

/** The prices of a call without details, as numbers and as parts of its lines. */
interface PlainPrices {
  /** The most input tokens of a call that has these prices: more are a long context. */
  readonly inputTokensMax: number;
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly inputLine: string;
  readonly cachedLine: string;
  readonly outputLine: string;
}

const MILLION = 1_000_000;
/** The middle of a line of the call's own model, which names neither a model nor a tool. */
const OWN = ',"quantity":';
const REMEMBERED = new WeakMap<ModelPrice, PlainPrices | null>();

/**
 * Prices a call without details, as nearly all are, in whole numbers below 2^53: that takes a fifth of the time that
 * bigints take. Null if the sum is not below it, and for the few calls that have other prices than three.
 */
function pricedPlain(price: ModelPrice, usage: TokenUsage): PricedUsage | null {
  const prices = plainPrices(price);
  const { inputTokens, outputTokens } = usage;
  if (prices === null || inputTokens > prices.inputTokensMax) return null;
  const cached = Math.min(usage.cachedInputTokens, inputTokens);
  const reasoning = Math.min(usage.reasoningTokens, outputTokens);
  const most = inputTokens * Math.max(prices.input, prices.cached) + outputTokens * prices.output;
  if (!(most < Number.MAX_SAFE_INTEGER)) return null;
  const written = inputTokens - cached;
  const said = outputTokens - reasoning;
  let millionths = written * prices.input;
  const afterInput = roundedUp(millionths);
  const afterCached = cached === 0 ? afterInput : roundedUp((millionths += cached * prices.cached));
  const afterText = roundedUp((millionths += said * prices.output));
  const cost = reasoning === 0 ? afterText : roundedUp((millionths += reasoning * prices.output));
  let text = written === 0 ? '' : `,{"class":"text_input"${OWN}${written}${prices.inputLine}${afterInput}"}`;
  if (cached > 0) text += `,{"class":"cached_text"${OWN}${cached}${prices.cachedLine}${afterCached - afterInput}"}`;
  if (said > 0) text += `,{"class":"text_output"${OWN}${said}${prices.outputLine}${afterText - afterCached}"}`;
  if (reasoning > 0) text += `,{"class":"reasoning"${OWN}${reasoning}${prices.outputLine}${cost - afterText}"}`;
  return { costNanoUsd: BigInt(cost), linesText: `[${text.slice(1)}]`, millionths, unpriced: false };
}

/** Millionths as whole numbers, a fraction rounded up. A division of doubles would round some of them twice. */
function roundedUp(millionths: number): number {
  const rest = millionths % MILLION;
  return (millionths - rest) / MILLION + (rest > 0 ? 1 : 0);
}

function plainPrices(price: ModelPrice): PlainPrices | null {
  const known = REMEMBERED.get(price);
  if (known !== undefined) return known;
  const prices = plainPricesOf(price);
  REMEMBERED.set(price, prices);
  return prices;
}

/** Null for a model whose calls have other prices, though nothing is told of them but their tokens. */
function plainPricesOf(price: ModelPrice): PlainPrices | null {
  if (price.more?.requestNanoUsd !== undefined || price.more?.classes.reasoning !== undefined) return null;
  const { inputNanoUsdPerMillion: input, outputNanoUsdPerMillion: output } = price;
  const cached = price.cachedInputNanoUsdPerMillion ?? input;
  const line = (each: bigint): string => `,"nanoUsdPerMillion":"${each}","nanoUsd":"`;
  return {
    inputTokensMax: Math.min(...(price.more?.longContext ?? []).map(({ aboveInputTokens }) => aboveInputTokens)),
    input: Number(input),
    cached: Number(cached),
    output: Number(output),
    inputLine: line(input),
    cachedLine: line(cached),
    outputLine: line(output),
  };
}
