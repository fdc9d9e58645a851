import type { TokenUsage } from '@tollgate/usage';

/** Publicly known tokenizers of models. */
export const TOKENIZERS = ['o200k_base', 'o200k_harmony', 'cl100k_base', 'p50k_base', 'r50k_base'] as const;
/** The name of a tokenizer that a price entry may ask for. */
export type Tokenizer = (typeof TOKENIZERS)[number];

/** The price of a provider's model. Prices are whole nano-USD per million tokens, so sums are exact. */
export interface ModelPrice {
  readonly inputNanoUsdPerMillion: bigint;
  readonly outputNanoUsdPerMillion: bigint;
  /** The price of input read from the provider's cache; null if it has no price of its own. */
  readonly cachedInputNanoUsdPerMillion: bigint | null;
  /** The most output tokens of one choice. It is the bound if the caller names none. */
  readonly maxOutputTokens: number;
  /** The most input tokens of one call. A report above both this and the size of the body is not plausible. */
  readonly contextTokens: number;
  /** The tokenizer of the model; if it is unknown (absent), the bytes bound the tokens. */
  readonly tokenizer?: Tokenizer;
  /** The most input tokens of one image; absent if the model's family says it. */
  readonly imageTokensMax?: number;
  /** Input tokens of a second of sound; absent if the model's family says it. */
  readonly audioTokensPerSecond?: number;
}

const MILLION = 1_000_000n;

/** The cost of a call in nano-USD. A fraction is rounded up, as in `costBound`, so no cost exceeds its bound. */
export function costOf(price: ModelPrice, usage: TokenUsage): bigint {
  const cached = price.cachedInputNanoUsdPerMillion === null ? 0 : Math.min(usage.cachedInputTokens, usage.inputTokens);
  const sum =
    BigInt(usage.inputTokens - cached) * price.inputNanoUsdPerMillion +
    BigInt(cached) * (price.cachedInputNanoUsdPerMillion ?? 0n) +
    BigInt(usage.outputTokens) * price.outputNanoUsdPerMillion;
  return (sum + MILLION - 1n) / MILLION;
}

/** The most that a call with at most these tokens can cost, at the highest of these prices, in nano-USD. */
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
