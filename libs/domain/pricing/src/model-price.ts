import { toolOfType, type ToolName } from '@tollgate/usage';

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
  /** Prices that few models have; absent for a model that has none of them. */
  readonly more?: MorePrices;
}

/** Classes of tokens that may have a price of their own, besides input, output and cached input. */
export const MORE_CLASSES = [
  'cacheWrite5m',
  'cacheWrite1h',
  'audioInput',
  'imageInput',
  'cachedAudio',
  'reasoning',
  'audioOutput',
  'imageOutput',
] as const;
export type MoreClass = (typeof MORE_CLASSES)[number];

/** Prices that few models have. */
export interface MorePrices {
  /**
   * In nano-USD per million tokens. Without a price of its own, input that is written to a cache costs what input does;
   * a write for an hour what one for five minutes does, but no less than input; cached sound what sound does; reasoning
   * what output does. The price of sound and of images is not known unless it stands here: where they have one, it is
   * up to twenty times that of text.
   */
  readonly classes: Readonly<Partial<Record<MoreClass, bigint>>>;
  /** The fee of a call, whatever it used, in nano-USD; absent for none. */
  readonly requestNanoUsd?: bigint;
  /** Fees of tools that the provider runs, in nano-USD per thousand calls, by the name of the tool. */
  readonly toolCalls: ReadonlyMap<string, bigint>;
  /** What multiplies all prices of tokens, by the name of the tier, the speed or the place that served the call. */
  readonly serviceTiers: ReadonlyMap<string, Factor>;
  readonly speeds: ReadonlyMap<string, Factor>;
  readonly inferenceGeos: ReadonlyMap<string, Factor>;
  /** What multiplies all prices of a pass with much input; the highest threshold that it exceeds counts. */
  readonly longContext: readonly LongContext[];
}

/** What multiplies prices, in thousandths: 1,100 is ten per cent more. */
export interface Factor {
  readonly inputThousandths: bigint;
  readonly outputThousandths: bigint;
  /** For input that was read from a cache; absent if it is that of other input. */
  readonly cachedThousandths?: bigint;
  /** Divides the thousandths, where they are no whole numbers: 5,000 over 3 is 5/3. Absent for 1. */
  readonly over?: bigint;
}

/** What multiplies the prices of a pass that has more input tokens than this, cached ones included. */
export interface LongContext extends Factor {
  readonly aboveInputTokens: number;
}

/**
 * The fees of tools in nano-USD per thousand calls, by the names under which calls are counted. A fee may stand under
 * any name of its tool; of two fees for one tool the higher counts.
 *
 * @example
 * toolFees({ web_search_preview: 25_000_000_000n }); // Map { 'web_search' => 25_000_000_000n }
 */
export function toolFees(fees: Readonly<Record<string, bigint>>): ReadonlyMap<ToolName, bigint> {
  const byTool = new Map<ToolName, bigint>();
  for (const [name, fee] of Object.entries(fees)) {
    const tool = toolOfType(name);
    const other = byTool.get(tool);
    if (other === undefined || fee > other) byTool.set(tool, fee);
  }
  return byTool;
}
