import type { UsageClasses } from '@tollgate/usage';
import type { Factor, ModelPrice } from './model-price.js';
import { larger, multipliers, ONCE } from './price-modes.js';

/** The class of a price line: a class of tokens, calls of a tool, or the call itself. */
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
  | 'tool_calls'
  | 'request';

/** The classes of sound and of images, whose prices may not be known. */
type SenseClass =
  'audioInputTokens' | 'imageInputTokens' | 'cachedAudioTokens' | 'audioOutputTokens' | 'imageOutputTokens';

/** Prices in nano-USD per million tokens, one for each class of a usage; null for a class whose price is not known. */
export type ClassPrices = Readonly<
  Record<Exclude<keyof UsageClasses, SenseClass>, bigint> & Record<SenseClass, bigint | null>
>;

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

/** The price of each class, times a factor. A class of text without a price has that of its neighbour. */
export function classPrices(price: ModelPrice, factor: Factor = ONCE): ClassPrices {
  const { inputNanoUsdPerMillion: input, outputNanoUsdPerMillion: output } = price;
  const own = price.more?.classes ?? {};
  const cacheWrite5m = own.cacheWrite5m ?? input;
  const by = multipliers(factor);
  const known = (each: bigint | undefined, times: (price: bigint) => bigint): bigint | null =>
    each === undefined ? null : times(each);
  return {
    textInputTokens: by.input(input),
    audioInputTokens: known(own.audioInput, by.input),
    imageInputTokens: known(own.imageInput, by.input),
    cachedTextTokens: by.cached(price.cachedInputNanoUsdPerMillion ?? input),
    cachedAudioTokens: known(own.cachedAudio ?? own.audioInput, by.cached),
    cacheWrite5mTokens: by.input(cacheWrite5m),
    cacheWrite1hTokens: by.input(own.cacheWrite1h ?? larger(cacheWrite5m, input)),
    textOutputTokens: by.output(output),
    reasoningTokens: by.output(own.reasoning ?? output),
    audioOutputTokens: known(own.audioOutput, by.output),
    imageOutputTokens: known(own.imageOutput, by.output),
  };
}
