import type { UsageClasses } from '@tollgate/usage';
import type { Factor, ModelPrice } from './model-price.js';
import { larger, ONCE, times } from './price-modes.js';

/** The class of a price line: a class of tokens, or calls of a tool. */
export type PricedClass =
  | 'text_input'
  | 'audio_input'
  | 'image_input'
  | 'cached_text'
  | 'cached_audio'
  | 'cache_write_5m'
  | 'cache_write_1h'
  | 'text_output'
  | 'reasoning'
  | 'audio_output'
  | 'image_output'
  | 'tool_calls';

/** Prices in nano-USD per million tokens, one for each class of a usage. */
export type ClassPrices = Readonly<Record<keyof UsageClasses, bigint>>;

/** Each class of a usage, with the name of its price line, in the order of the lines. */
export const CLASSES: readonly (readonly [field: keyof UsageClasses, name: PricedClass])[] = [
  ['textInputTokens', 'text_input'],
  ['audioInputTokens', 'audio_input'],
  ['imageInputTokens', 'image_input'],
  ['cachedTextTokens', 'cached_text'],
  ['cachedAudioTokens', 'cached_audio'],
  ['cacheWrite5mTokens', 'cache_write_5m'],
  ['cacheWrite1hTokens', 'cache_write_1h'],
  ['textOutputTokens', 'text_output'],
  ['reasoningTokens', 'reasoning'],
  ['audioOutputTokens', 'audio_output'],
  ['imageOutputTokens', 'image_output'],
];

/** The price of each class, times a factor. A class without a price has that of its neighbour. */
export function classPrices(price: ModelPrice, factor: Factor = ONCE): ClassPrices {
  const { inputNanoUsdPerMillion: input, outputNanoUsdPerMillion: output } = price;
  const own = price.more?.classes ?? {};
  const cacheWrite5m = own.cacheWrite5m ?? input;
  const audio = own.audioInput ?? input;
  const ofInput = (each: bigint): bigint => times(each, factor.inputThousandths);
  const ofOutput = (each: bigint): bigint => times(each, factor.outputThousandths);
  return {
    textInputTokens: ofInput(input),
    audioInputTokens: ofInput(audio),
    imageInputTokens: ofInput(own.imageInput ?? input),
    cachedTextTokens: ofInput(price.cachedInputNanoUsdPerMillion ?? input),
    cachedAudioTokens: ofInput(own.cachedAudio ?? audio),
    cacheWrite5mTokens: ofInput(cacheWrite5m),
    cacheWrite1hTokens: ofInput(own.cacheWrite1h ?? larger(cacheWrite5m, input)),
    textOutputTokens: ofOutput(output),
    reasoningTokens: ofOutput(own.reasoning ?? output),
    audioOutputTokens: ofOutput(own.audioOutput ?? output),
    imageOutputTokens: ofOutput(own.imageOutput ?? output),
  };
}
