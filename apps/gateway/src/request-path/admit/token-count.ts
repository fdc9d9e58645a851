import { unreachable } from '@tollgate/errors';
import type { Tokenizer } from '@tollgate/pricing';
import type { TokenCount } from '../../dialects/ask.js';

/**
 * A tokenizer's time grows with the square of the length of one word as it splits them, and some texts are one such
 * word. Above this many bytes a word is not cut into tokens.
 */
const WORD_BYTES_MAX = 256;
/** Words of which the library remembers the tokens, as it found them in what callers sent. */
const WORDS_REMEMBERED_MAX = 5_000;

/** A caller may write what stands for a special token; here it is text like any other. */
const PLAIN_TEXT = { disallowedSpecial: new Set<string>() };

interface Encoding {
  countTokens(text: string, options: typeof PLAIN_TEXT): number;
  setMergeCacheSize(size: number): void;
}

/** Up to two megabytes of ranks each: loaded when the first request to such a model comes near its key's cap. */
const ENCODINGS: Readonly<Record<Tokenizer, () => Promise<Encoding>>> = {
  cl100k_base: () => import('gpt-tokenizer/encoding/cl100k_base'),
  o200k_base: () => import('gpt-tokenizer/encoding/o200k_base'),
  o200k_harmony: () => import('gpt-tokenizer/encoding/o200k_harmony'),
  p50k_base: () => import('gpt-tokenizer/encoding/p50k_base'),
  r50k_base: () => import('gpt-tokenizer/encoding/r50k_base'),
};

const counts = new Map<Tokenizer, Promise<TokenCount>>();

/**
 * What counts the tokens of a text as a tokenizer does, and never fewer: exact but for words of more than 256 bytes, of
 * which each byte counts as a token. Its time grows with the length of the text alone.
 *
 * Cutting such words anywhere else would be cheaper still, but is no bound: pairs of bytes are merged by their rank,
 * not from the left, so that the parts of a word can have fewer tokens than the whole.
 */
export function tokenCount(tokenizer: Tokenizer): Promise<TokenCount> {
  let count = counts.get(tokenizer);
  if (count === undefined) {
    count = load(tokenizer);
    counts.set(tokenizer, count);
  }
  return count;
}

async function load(tokenizer: Tokenizer): Promise<TokenCount> {
  const [encoding, words] = await Promise.all([ENCODINGS[tokenizer](), wordsOf(tokenizer)]);
  encoding.setMergeCacheSize(WORDS_REMEMBERED_MAX);
  const count: TokenCount = (text) => encoding.countTokens(text, PLAIN_TEXT);
  return (text) => (Buffer.byteLength(text) <= WORD_BYTES_MAX ? count(text) : countWithLongWords(text, words, count));
}

/** Splits a text into words as the tokenizer does before it cuts them into tokens. */
async function wordsOf(tokenizer: Tokenizer): Promise<RegExp> {
  const splits = await import('gpt-tokenizer/encodingParams/constants');
  switch (tokenizer) {
    case 'cl100k_base':
      return splits.CL100K_TOKEN_SPLIT_REGEX;
    case 'o200k_base':
    case 'o200k_harmony':
      return splits.O200K_TOKEN_SPLIT_REGEX;
    case 'p50k_base':
    case 'r50k_base':
      return splits.R50K_TOKEN_SPLIT_REGEX;
    default:
      return unreachable(tokenizer);
  }
}

/**
 * What stands between long words is counted at once, up to the last place that no white space stands before: how white
 * space is split depends on what follows it. The few words from there to a long one are counted each on its own.
 */
function countWithLongWords(text: string, words: RegExp, count: TokenCount): number {
  let tokens = 0;
  let counted = 0;
  /** Words since the last of them that no white space stood before. */
  let waiting: { word: string; index: number }[] = [];
  for (const { 0: word, index } of text.matchAll(words)) {
    // No character has more than three bytes for each unit of UTF-16.
    const bytes = word.length * 3 <= WORD_BYTES_MAX ? 0 : Buffer.byteLength(word);
    if (bytes > WORD_BYTES_MAX) {
      tokens += count(text.slice(counted, waiting[0]?.index ?? index)) + bytes;
      for (const each of waiting) tokens += count(each.word);
      counted = index + word.length;
      waiting = [];
    } else {
      if (index > counted && !WHITE_SPACE.test(text.charAt(index - 1))) waiting = [];
      waiting.push({ word, index });
    }
  }
  return tokens + count(text.slice(counted));
}

const WHITE_SPACE = /\s/;
