import { unreachable } from '@tollgate/errors';
import type { Tokenizer } from '@tollgate/pricing';
import type { TokenCount } from '../../dialects/ask.js';

/**
 * A tokenizer's time grows with the square of the length of a word, and some texts are one long word. A word above this
 * many bytes is not cut into tokens.
 */
const WORD_BYTES_MAX = 256;
/** The size of the library's cache of words, which it fills from what callers send. */
const WORDS_REMEMBERED_MAX = 5_000;

/** A text that looks like a special token is counted like any other, since callers may write it. */
const PLAIN_TEXT = { disallowedSpecial: new Set<string>() };

interface Encoding {
  countTokens(text: string, options: typeof PLAIN_TEXT): number;
  setMergeCacheSize(size: number): void;
}

/**
 * Each has up to two megabytes of ranks. It is loaded when the first request to such a model comes near its key's cap.
 */
const ENCODINGS: Readonly<Record<Tokenizer, () => Promise<Encoding>>> = {
  cl100k_base: () => import('gpt-tokenizer/encoding/cl100k_base'),
  o200k_base: () => import('gpt-tokenizer/encoding/o200k_base'),
  o200k_harmony: () => import('gpt-tokenizer/encoding/o200k_harmony'),
  p50k_base: () => import('gpt-tokenizer/encoding/p50k_base'),
  r50k_base: () => import('gpt-tokenizer/encoding/r50k_base'),
};

const counts = new Map<Tokenizer, Promise<TokenCount>>();

/**
 * Makes a function that counts the tokens of a text. It is exact, except that each byte counts as a token in words of
 * more than 256 bytes; so it never returns fewer than the tokenizer. Its time grows linearly with the text.
 *
 * Cutting long words into parts would be cheaper, but gives no bound: byte pairs are merged by rank, not from the left,
 * so the parts of a word can have fewer tokens than the whole.
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

/** The pattern by which the tokenizer splits a text into words before it cuts them into tokens. */
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
 * Counts the text between long words in one call, up to the last word that no white space precedes, because the
 * splitting of white space depends on what follows it. The few words from there to the long one are counted one by one.
 */
function countWithLongWords(text: string, words: RegExp, count: TokenCount): number {
  let tokens = 0;
  let counted = 0;
  /** Words since the last one that no white space precedes. */
  let waiting: { word: string; index: number }[] = [];
  for (const { 0: word, index } of text.matchAll(words)) {
    // A UTF-16 unit takes at most three bytes of UTF-8.
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
