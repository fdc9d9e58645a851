import { isFreeTool, type ToolName } from '@tollgate/usage';
import { classPrices } from './class-prices.js';
import type { ModelPrice, MorePrices } from './model-price.js';
import { dearestFactor, larger, type AskedModes } from './price-modes.js';

/** What a request may cause besides the tokens of its own model. */
export interface BoundExtras {
  /** How it asks to be served; absent if it names nothing of the kind. */
  readonly modes?: AskedModes;
  /** The tools that the provider may run; absent for none. */
  readonly tools?: readonly ToolUses[];
}

/** Tools that the provider may run, and the most calls of them together. */
export interface ToolUses {
  readonly names: readonly ToolName[];
  readonly callsMax: number;
}

const MILLION = 1_000_000n;
const THOUSANDS_IN_MILLION = 1_000n;
const NO_EXTRAS: BoundExtras = {};

/**
 * The most that a call with at most these tokens can cost, at the highest of these prices, in nano-USD. Its input
 * counts at the dearest class of input, its output at the dearest of output, both at the dearest tier, speed, place and
 * length that may apply. No usage within these tokens and calls costs more.
 */
export function costBound(
  prices: readonly ModelPrice[],
  inputTokensMax: number,
  outputTokensMax: number,
  extras: BoundExtras = NO_EXTRAS,
): bigint {
  let bound = 0n;
  for (const price of prices) {
    const [input, output] = dearestPrices(price, extras, inputTokensMax);
    const sum = BigInt(inputTokensMax) * input + BigInt(outputTokensMax) * output + feesMax(price, extras);
    bound = larger(bound, (sum + MILLION - 1n) / MILLION);
  }
  return bound;
}

/** The highest price of input and of output that may apply, in nano-USD per million tokens. */
function dearestPrices(
  price: ModelPrice,
  { modes }: BoundExtras,
  inputTokensMax: number,
): readonly [input: bigint, output: bigint] {
  const {
    inputNanoUsdPerMillion: input,
    outputNanoUsdPerMillion: output,
    cachedInputNanoUsdPerMillion: cached,
  } = price;
  if (price.more === undefined) return [cached !== null && cached > input ? cached : input, output];
  if (modes === undefined && isShort(price.more, inputTokensMax)) {
    let usual = USUAL.get(price);
    if (usual === undefined) USUAL.set(price, (usual = dearestOf(price, null, 0)));
    return usual;
  }
  return dearestOf(price, modes ?? null, inputTokensMax);
}

/** The dearest prices of calls that ask for nothing and are no long context, as nearly all are. */
const USUAL = new WeakMap<ModelPrice, readonly [input: bigint, output: bigint]>();

const isShort = ({ longContext }: MorePrices, inputTokensMax: number): boolean =>
  longContext.every(({ aboveInputTokens }) => inputTokensMax <= aboveInputTokens);

function dearestOf(
  price: ModelPrice,
  modes: AskedModes | null,
  inputTokensMax: number,
): readonly [input: bigint, output: bigint] {
  const of = classPrices(price, dearestFactor(price, modes, inputTokensMax));
  return [
    [
      of.textInputTokens,
      of.audioInputTokens,
      of.imageInputTokens,
      of.cachedTextTokens,
      of.cachedAudioTokens,
      of.cacheWrite5mTokens,
      of.cacheWrite1hTokens,
    ].reduce(dearer, 0n),
    [of.textOutputTokens, of.reasoningTokens, of.audioOutputTokens, of.imageOutputTokens].reduce(dearer, 0n),
  ];
}

/** What has no price is not charged. */
const dearer = (most: bigint, price: bigint | null): bigint => (price === null ? most : larger(most, price));

/** The fees of the call and its tools in millionths of a nano-USD, as the products of tokens and their prices are. */
function feesMax({ more }: ModelPrice, { tools }: BoundExtras): bigint {
  let fees = (more?.requestNanoUsd ?? 0n) * MILLION;
  if (tools === undefined || more === undefined) return fees;
  for (const { names, callsMax } of tools) {
    const fee = names.map((name) => more.toolCalls.get(name) ?? 0n).reduce(larger, 0n);
    fees += BigInt(callsMax) * fee * THOUSANDS_IN_MILLION;
  }
  return fees;
}

/**
 * The first tool whose calls may have a fee and have no price, so that their cost has no bound; null if there is none.
 */
export function unpricedTool({ more }: ModelPrice, { tools }: BoundExtras): ToolName | null {
  for (const { names } of tools ?? []) {
    const unpriced = names.find((name) => more?.toolCalls.has(name) !== true && !isFreeTool(name));
    if (unpriced !== undefined) return unpriced;
  }
  return null;
}
