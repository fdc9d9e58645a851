/** How a model cuts text into tokens, where that is publicly known. */
export const TOKENIZERS = ['o200k_base', 'o200k_harmony', 'cl100k_base', 'p50k_base', 'r50k_base'] as const;
export type Tokenizer = (typeof TOKENIZERS)[number];

/** What one provider's model costs. Prices are whole nano-USD for a million tokens, so sums are exact. */
export interface ModelPrice {
  readonly inputNanoUsdPerMillion: bigint;
  readonly outputNanoUsdPerMillion: bigint;
  /** Input read from the provider's cache; null where it has no price of its own. */
  readonly cachedInputNanoUsdPerMillion: bigint | null;
  /** The most tokens one choice can have: the bound where the caller names none. */
  readonly maxOutputTokens: number;
  /** The most tokens that the model reads in one call: no plausible report of input is above it and above the body. */
  readonly contextTokens: number;
  /** The model's own; absent where it is not known, and then tokens are bounded by bytes. */
  readonly tokenizer?: Tokenizer;
}

/** What a provider reports of one call. Cached input is part of input, reasoning part of output. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens: number;
  readonly reasoningTokens: number;
}

const MILLION = 1_000_000n;

/** The cost of a call in nano-USD; a fraction of one is rounded up, so that a bound in tokens is a bound in money. */
export function costOf(price: ModelPrice, usage: TokenUsage): bigint {
  const cached = price.cachedInputNanoUsdPerMillion === null ? 0 : Math.min(usage.cachedInputTokens, usage.inputTokens);
  const sum =
    BigInt(usage.inputTokens - cached) * price.inputNanoUsdPerMillion +
    BigInt(cached) * (price.cachedInputNanoUsdPerMillion ?? 0n) +
    BigInt(usage.outputTokens) * price.outputNanoUsdPerMillion;
  return (sum + MILLION - 1n) / MILLION;
}

/** The most that a call of at most these tokens can cost at the dearest of these prices, in nano-USD. */
export function costBound(prices: readonly ModelPrice[], inputTokensMax: number, outputTokensMax: number): bigint {
  let bound = 0n;
  for (const price of prices) {
    const input =
      price.cachedInputNanoUsdPerMillion !== null && price.cachedInputNanoUsdPerMillion > price.inputNanoUsdPerMillion
        ? price.cachedInputNanoUsdPerMillion
        : price.inputNanoUsdPerMillion;
    const cost =
      (BigInt(inputTokensMax) * input + BigInt(outputTokensMax) * price.outputNanoUsdPerMillion + MILLION - 1n) /
      MILLION;
    if (cost > bound) bound = cost;
  }
  return bound;
}
