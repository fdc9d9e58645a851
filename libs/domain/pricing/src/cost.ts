import { usageClasses, type TokenUsage, type UsageDetails } from '@tollgate/usage';
import { CLASSES, classPrices, type PricedClass } from './class-prices.js';
import type { Factor, ModelPrice } from './model-price.js';
import { ONCE, product, tierFactor } from './price-modes.js';

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

/**
 * The cost of a call in nano-USD: each class of its tokens, each call of a tool and each pass of another model at its
 * own price. A fraction is rounded up, as in `costBound`, so no cost exceeds its bound. `priceOf` finds the prices of
 * models that the usage names; a pass of a model without one costs what the call's own model does, so none is free. A
 * tool without a price is.
 */
export function costOf(price: ModelPrice, usage: TokenUsage, priceOf?: PriceOf): bigint {
  if (usage.details !== undefined || price.more !== undefined) return sumOf(priceLines(price, usage, priceOf));
  const cached = price.cachedInputNanoUsdPerMillion === null ? 0 : Math.min(usage.cachedInputTokens, usage.inputTokens);
  const sum =
    BigInt(usage.inputTokens - cached) * price.inputNanoUsdPerMillion +
    BigInt(cached) * (price.cachedInputNanoUsdPerMillion ?? 0n) +
    BigInt(usage.outputTokens) * price.outputNanoUsdPerMillion;
  return (sum + MILLION - 1n) / MILLION;
}

/**
 * The lines of a call: one for each class that it has any of. Their amounts are whole nano-USD and add up to `costOf`,
 * so a fraction of one line may be in the next.
 */
export function priceLines(price: ModelPrice, usage: TokenUsage, priceOf?: PriceOf): readonly PriceLine[] {
  const lines = new Lines();
  const { details } = usage;
  const served =
    details === undefined || details.servedModel === null ? price : (priceOf?.(details.servedModel) ?? price);
  lines.addPass(served, usage, null, details);
  if (details === undefined) return lines.made;
  for (const { model, usage: ofPass } of details.passes)
    lines.addPass((model === null ? null : priceOf?.(model)) ?? served, ofPass, model, ofPass.details, details);
  for (const [tool, calls] of Object.entries(details.toolCalls)) {
    const fee = served.more?.toolCalls.get(tool) ?? 0n;
    lines.add('tool_calls', null, tool, calls, fee * THOUSANDS_IN_MILLION);
  }
  return lines.made;
}

/** What lines cost together, in nano-USD. */
export function sumOf(lines: readonly PriceLine[]): bigint {
  let sum = 0n;
  for (const { nanoUsd } of lines) sum += nanoUsd;
  return sum;
}

/** Collects lines. Only the sum is rounded up, so each line has what the sum grows by. */
class Lines {
  readonly made: PriceLine[] = [];
  #millionths = 0n;
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
    const prices = classPrices(price, factorOf(price, usage.inputTokens, own, ofCall));
    for (const [field, name] of CLASSES) {
      const tokens = classes[field];
      if (tokens > 0) this.add(name, model, null, tokens, prices[field]);
    }
  }

  add(name: PricedClass, model: string | null, tool: string | null, quantity: number, nanoUsdPerMillion: bigint): void {
    this.#millionths += BigInt(quantity) * nanoUsdPerMillion;
    const sum = (this.#millionths + MILLION - 1n) / MILLION;
    const nanoUsd = sum - this.#nanoUsd;
    this.#nanoUsd = sum;
    this.made.push({ class: name, model, tool, quantity, nanoUsdPerMillion, nanoUsd });
  }
}

/** What multiplies the prices of a pass, by what served it and how much input it had. */
function factorOf(
  { more }: ModelPrice,
  inputTokens: number,
  own: UsageDetails | undefined,
  ofCall: UsageDetails | undefined,
): Factor {
  if (more === undefined) return ONCE;
  const tier = own?.serviceTier ?? ofCall?.serviceTier ?? null;
  const speed = own?.speed ?? ofCall?.speed ?? null;
  const geo = own?.inferenceGeo ?? ofCall?.inferenceGeo ?? null;
  let factor = tier === null ? ONCE : (tierFactor(more.serviceTiers, tier) ?? ONCE);
  if (speed !== null) factor = product(factor, more.speeds.get(speed));
  if (geo !== null) factor = product(factor, more.inferenceGeos.get(geo));
  const exceeded = more.longContext
    .filter(({ aboveInputTokens }) => inputTokens > aboveInputTokens)
    .sort((a, b) => b.aboveInputTokens - a.aboveInputTokens);
  return product(factor, exceeded[0]);
}
