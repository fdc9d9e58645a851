import type { ImageSize } from './image-size.js';

/** The most tokens of one image. `size` is null if it is not known; `detail` is what the caller asked for. */
export type ImageRule = (size: ImageSize | null, detail: string | null) => number;

/** Tokens for an image that is cut into patches: one for each, up to a number of them, times a factor. */
function patches(side: number, most: (detail: string | null) => number, factor = 1): ImageRule {
  return (size, detail) => {
    const bound = most(detail);
    const count = size === null ? bound : Math.min(Math.ceil(size.width / side) * Math.ceil(size.height / side), bound);
    return Math.ceil(count * factor);
  };
}

const TILE = 512,
  SHORT_SIDE = 768,
  LONG_SIDE = 2048;
/** A picture of 768 by 2048 pixels is cut into this many tiles. */
const TILES_MAX = 8;

/**
 * Tokens for an image that is scaled to a short side of 768 pixels and a long one of at most 2,048, and cut into tiles
 * of 512. A small image counts as if it were enlarged, since nothing says that it is not.
 */
function tiles(base: number, each: number): ImageRule {
  return (size, detail) => {
    if (detail === 'low') return base;
    if (size === null) return base + TILES_MAX * each;
    const ratio = Math.max(size.width, size.height) / Math.min(size.width, size.height);
    const long = Math.min(Math.ceil(SHORT_SIDE * ratio), LONG_SIDE);
    return base + Math.ceil(SHORT_SIDE / TILE) * Math.ceil(long / TILE) * each;
  };
}

/** The patches of an image that is scaled to 512 by 512 pixels, as for `detail: low`. */
const LOW_PATCHES = 256;
const patchesUpTo =
  (most: number) =>
  (detail: string | null): number =>
    detail === 'low' ? LOW_PATCHES : most;
/** From GPT-5.2 on `high` is one of two figures, and what `auto` means is not said, so it may be `original`. */
const patchesOfNewest = (detail: string | null): number =>
  detail === 'low' ? LOW_PATCHES : detail === 'high' ? 2_500 : 10_000;

/** A tile of 768 pixels has 258 tokens; the largest image that Gemini reads, of 3,072 pixels, has 16 and one more. */
const GEMINI_IMAGE_TOKENS = 17 * 258;

/**
 * How image input is counted, by the name of the model; the first row that matches counts. From the guides on vision of
 * OpenAI, Anthropic and Google, read in November 2026.
 */
const FAMILIES: readonly (readonly [model: RegExp, rule: ImageRule])[] = [
  // Claude: patches of 28 pixels. From Opus 4.7 on images are read up to 2,576 pixels, before up to 1,568.
  [
    /claude-(?:[23]|instant|(?:opus|sonnet|haiku)-4(?:-[0-6])?(?:$|[-@.:](?![7-9]|\d\d(?!\d))))/,
    patches(28, () => 1_600),
  ],
  [/claude/, patches(28, () => 4_784)],
  [/gpt-4o-mini/, tiles(2_833, 5_667)],
  [/gpt-(?:4\.1|5(?:\.\d+)?)-mini/, patches(32, patchesUpTo(1_536), 1.62)],
  [/gpt-(?:4\.1|5(?:\.\d+)?)-nano/, patches(32, patchesUpTo(1_536), 2.46)],
  [/o4-mini/, patches(32, patchesUpTo(1_536), 1.72)],
  [/gpt-(?:4o|4\.1|4\.5|4-turbo|4-vision)/, tiles(85, 170)],
  [/gpt-5(?:\.1)?(?![.\d])/, tiles(70, 140)],
  [/(?:^|\/)o[13](?![\d])/, tiles(75, 150)],
  [/computer-use-preview/, tiles(65, 129)],
  [/gpt-[5-9]/, patches(32, patchesOfNewest, 1.2)],
  [/gemini/, () => GEMINI_IMAGE_TOKENS],
];

/** Seconds of sound have this many tokens, by the name of the model: OpenAI's and Google's guides on audio. */
const AUDIO: readonly (readonly [model: RegExp, tokensInSecond: number])[] = [
  [/gpt/, 10],
  [/gemini/, 32],
];

/** The rule for images of a model; null if its family is not known. */
export function imageRuleOf(model: string): ImageRule | null {
  const name = model.toLowerCase();
  return FAMILIES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** The tokens of a second of sound; null if the model's family is not known. */
export function audioTokensInSecondOf(model: string): number | null {
  const name = model.toLowerCase();
  return AUDIO.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}
