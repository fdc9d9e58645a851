import { isFreeTool, toolOfType, usageClasses, type TokenUsage, type UsageDetails } from '@tollgate/usage';
import { CLASSES, classPrices, type PricedClass } from './class-prices.js';
import type { Factor, ModelPrice } from './model-price.js';
import { ONCE, product, tierFactor, unpricedModes, type AskedModes } from './price-modes.js';

/** One class of what a call used, at its price. The lines of a call add up to its cost. */
export interface PriceLine {
  readonly class: PricedClass;
  /** The model of another pass than the call's own; null for the model that served the call. */
  readonly model: string | null;
  /** The tool that was called; null for tokens. */
  readonly tool: string | null;
  /** Tokens or calls. */
  readonly quantity: number;
  /** For a million tokens, or a million calls. */
  readonly nanoUsdPerMillion: bigint;
  readonly nanoUsd: bigint;
}

/** Finds the price of another model of the call's provider; null if it has none. */
export type PriceOf = (model: string) => ModelPrice | null;

const MILLION = 1_000_000n;
/** A price for a thousand calls, times this, is one for a million. */
const THOUSANDS_IN_MILLION = 1_000n;

/** What a call costs. */
export interface PricedCall {
  /** One line for each class that the call has any of and that has a price. */
  readonly lines: readonly PriceLine[];
  /** The cost before it is rounded, in millionths of a nano-USD. */
  readonly millionths: bigint;
  /** Whether a part of what the call used, or how it was served, has no price, so that its cost is not known. */
  readonly unpriced: boolean;
}

/**
 * The cost of a call in nano-USD: each class of its tokens, each call of a tool and each pass of another model at its
 * own price. A fraction is rounded up, as in `costBound`, so no cost exceeds its bound. `priceOf` finds the prices of
 * models that the usage names; a pass of a model without one costs what the call's own model does, so none is free.
 * What has no price is left out: `pricedCall` tells whether there is any.
 */
export function costOf(price: ModelPrice, usage: TokenUsage, priceOf?: PriceOf): bigint {
  if (usage.details !== undefined || price.more !== undefined)
    return roundedUp(pricedCall(price, usage, priceOf).millionths);
  const cached = price.cachedInputNanoUsdPerMillion === null ? 0 : Math.min(usage.cachedInputTokens, usage.inputTokens);
  const sum =
    BigInt(usage.inputTokens - cached) * price.inputNanoUsdPerMillion +
    BigInt(cached) * (price.cachedInputNanoUsdPerMillion ?? 0n) +
    BigInt(usage.outputTokens) * price.outputNanoUsdPerMillion;
  return roundedUp(sum);
}

/** Millionths of a nano-USD as whole nano-USD. The only rounding of a call. */
function roundedUp(millionths: bigint): bigint {
  return (millionths + MILLION - 1n) / MILLION;
}

/**
 * What a customer pays for a call that costs this much, in nano-USD: with a mark-up in millionths of the cost, rounded
 * up once.
 *
 * @example
 * withMarkUp(1_500_000n, 50_000); // 1.5 nano-USD and 5 % of it are 1.575: 2n
 */
export function withMarkUp(costMillionths: bigint, markUpMillionths: number): bigint {
  const times = MILLION + BigInt(markUpMillionths);
  const divisor = MILLION * MILLION;
  return (costMillionths * times + divisor - 1n) / divisor;
}

/**
 * The lines of a call: one for each class that it has any of. Their amounts are whole nano-USD and add up to `costOf`,
 * so a fraction of one line may be in the next.
 */
export function priceLines(price: ModelPrice, usage: TokenUsage, priceOf?: PriceOf): readonly PriceLine[] {
  return pricedCall(price, usage, priceOf).lines;
}

/** Prices a call: see `costOf`. */
export function pricedCall(price: ModelPrice, usage: TokenUsage, priceOf?: PriceOf): PricedCall {
  const lines = new Lines();
  const { details } = usage;
  const served =
    details === undefined || details.servedModel === null ? price : (priceOf?.(details.servedModel) ?? price);
  const fee = served.more?.requestNanoUsd ?? 0n;
  if (fee > 0n) lines.add('request', null, null, 1, fee * MILLION);
  lines.addPass(served, usage, null, details);
  if (details === undefined) return lines;
  for (const { model, usage: ofPass } of details.passes)
    lines.addPass((model === null ? null : priceOf?.(model)) ?? served, ofPass, model, ofPass.details, details);
  for (const [tool, calls] of Object.entries(details.toolCalls)) lines.addTool(served, tool, calls);
  return lines;
}

/** What lines cost together, in nano-USD. */
export function sumOf(lines: readonly PriceLine[]): bigint {
  let sum = 0n;
  for (const { nanoUsd } of lines) sum += nanoUsd;
  return sum;
}

/** Collects lines. Only the sum is rounded up, so each line has what the sum grows by. */
class Lines implements PricedCall {
  readonly lines: PriceLine[] = [];
  millionths = 0n;
  unpriced = false;
  #nanoUsd = 0n;

  /** Adds the classes of one pass. What the pass does not say of its tier, speed and place is that of the call. */
  addPass(
    price: ModelPrice,
    usage: TokenUsage,
    model: string | null,
    own: UsageDetails | undefined,
    ofCall?: UsageDetails,
  ): void {
    const classes = usageClasses(usage);
    const served = modesOf(own, ofCall);
    const prices = classPrices(price, factorOf(price, usage.inputTokens, served));
    let used = false;
    for (const [field, name] of CLASSES) {
      const tokens = classes[field];
      if (tokens === 0) continue;
      used = true;
      this.add(name, model, null, tokens, prices[field]);
    }
    // It is charged at the usual price then, and counted among what nobody knows the cost of.
    if (used && served !== null && unpricedModes(price, served).length > 0) this.unpriced = true;
  }

  addTool({ more }: ModelPrice, tool: string, calls: number): void {
    if (calls === 0) return;
    const name = toolOfType(tool);
    const fee = more?.toolCalls.get(tool) ?? (isFreeTool(name) ? 0n : null);
    this.add('tool_calls', null, tool, calls, fee === null ? null : fee * THOUSANDS_IN_MILLION);
  }

  add(
    name: PricedClass,
    model: string | null,
    tool: string | null,
    quantity: number,
    nanoUsdPerMillion: bigint | null,
  ): void {
    if (nanoUsdPerMillion === null) {
      this.unpriced = true;
      return;
    }
    this.millionths += BigInt(quantity) * nanoUsdPerMillion;
    const sum = roundedUp(this.millionths);
    const nanoUsd = sum - this.#nanoUsd;
    this.#nanoUsd = sum;
    this.lines.push({ class: name, model, tool, quantity, nanoUsdPerMillion, nanoUsd });
  }
}

const AS_USUAL: AskedModes = { serviceTier: null, speed: null, inferenceGeo: null };

/** How a pass was served; null where its report says nothing besides tokens. */
function modesOf(own: UsageDetails | undefined, ofCall: UsageDetails | undefined): AskedModes | null {
  if (own === undefined && ofCall === undefined) return null;
  return {
    serviceTier: own?.serviceTier ?? ofCall?.serviceTier ?? null,
    speed: own?.speed ?? ofCall?.speed ?? null,
    inferenceGeo: own?.inferenceGeo ?? ofCall?.inferenceGeo ?? null,
  };
}

/** What multiplies the prices of a pass, by what served it and how much input it had. */
function factorOf({ more }: ModelPrice, inputTokens: number, served: AskedModes | null): Factor {
  if (more === undefined) return ONCE;
  const { serviceTier: tier, speed, inferenceGeo: geo } = served ?? AS_USUAL;
  let factor = tier === null ? ONCE : (tierFactor(more.serviceTiers, tier) ?? ONCE);
  if (speed !== null) factor = product(factor, more.speeds.get(speed));
  if (geo !== null) factor = product(factor, more.inferenceGeos.get(geo));
  const exceeded = more.longContext
    .filter(({ aboveInputTokens }) => inputTokens > aboveInputTokens)
    .sort((a, b) => b.aboveInputTokens - a.aboveInputTokens);
  return product(factor, exceeded[0]);
}
