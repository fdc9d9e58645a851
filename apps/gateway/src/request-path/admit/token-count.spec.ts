import { TOKENIZERS, type Tokenizer } from '@tollgate/pricing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenCount } from './token-count.js';

/** Counts a text as a whole with the library. */
async function wholeCount(tokenizer: Tokenizer): Promise<(text: string) => number> {
  const { countTokens } = (await import(`gpt-tokenizer/encoding/${tokenizer}`)) as {
    countTokens(text: string, options: object): number;
  };
  return (text) => countTokens(text, { disallowedSpecial: new Set() });
}

const bytes = (text: string): number => Buffer.byteLength(text);

/**
 * Scripts that some vocabularies know and others do not, runs without a break, and texts that look like special tokens.
 */
const SCRAPS = [
  'the quick brown fox',
  'I can’t, they’ll',
  'Քանի որ',
  'Հայաստան',
  '□',
  'తెలుగు',
  'ગુજરાતી',
  'ไทย',
  '汉字',
  '한국어',
  'العربية',
  'द्वितीय',
  '0',
  '123456',
  '3.14159',
  ' ',
  '\n',
  '\r\n',
  '\t',
  'a',
  'A',
  'e\u0301',
  '\u200b',
  '😀',
  '👩‍👩‍👧',
  '\ud800',
  '/',
  '=',
  '\\u0041',
  '<|endoftext|>',
  '<|im_start|>',
  'agljd',
  'lgxyzxngyxm',
  'base64AAAA+/==',
  'camelCaseAndSnake_case',
  '{"a":1}',
];
const texts = fc
  .array(
    fc.tuple(
      fc.oneof(fc.constantFrom(...SCRAPS), fc.string({ unit: 'binary', maxLength: 8 })),
      fc.integer({ min: 1, max: 40 }),
    ),
    { maxLength: 8 },
  )
  .map((scraps) => scraps.map(([scrap, times]) => scrap.repeat(times)).join(''));

describe.each(TOKENIZERS)('the count of %s', (tokenizer) => {
  it('is never below what the tokenizer makes of the whole text, and exact while no word is long', async () => {
    const [count, whole] = [await tokenCount(tokenizer), await wholeCount(tokenizer)];
    fc.assert(
      fc.property(texts, (text) => {
        const counted = count(text);
        const least = whole(text);
        expect(counted).toBeGreaterThanOrEqual(least);
        if (bytes(text) <= 256) expect(counted).toBe(least);
      }),
      { numRuns: 150 },
    );
  });

  it.each(SCRAPS)('is no lower for a long run of %j', async (scrap) => {
    const [count, whole] = [await tokenCount(tokenizer), await wholeCount(tokenizer)];
    const text = scrap.repeat(Math.ceil(1_200 / scrap.length));
    for (const shifted of [text, `x${text}`, `Well, ${text}.`]) {
      expect(count(shifted)).toBeGreaterThanOrEqual(whole(shifted));
      expect(count(shifted)).toBeLessThanOrEqual(bytes(shifted));
    }
  });
});

describe('a count of tokens', () => {
  it.each([
    ['\n\n\n\nA', ''],
    ['\n\n\n\n', ''],
    ['a\n\n\n\n', ' '],
    [' \n \t A', ' '],
    ['x', '\u3000\u3000 '],
    ['\r\n\r\nA ', ''],
    ['', ''],
  ])('splits white space as the whole text does, before %j and behind %j a long word', async (before, behind) => {
    for (const tokenizer of TOKENIZERS) {
      const [count, whole] = [await tokenCount(tokenizer), await wholeCount(tokenizer)];
      for (const long of ['\u{1d4d0}'.repeat(80), 'x'.repeat(300), '='.repeat(300)]) {
        const text = `${before}${long}${behind}${before}${long}${behind}`;
        expect(count(text), JSON.stringify(text)).toBeGreaterThanOrEqual(whole(text));
      }
    }
  });

  it('cuts no word, since the parts of a word can have fewer tokens than the whole', async () => {
    const count = await tokenCount('o200k_base');
    expect(count('agl') + count('jd')).toBeLessThan(count('agljd'));
  });

  it('takes a text for what it is: prose of many words is exact, however long', async () => {
    const [count, whole] = [await tokenCount('o200k_base'), await wholeCount('o200k_base')];
    const prose =
      'The quick brown fox jumps over the lazy dog, 1,234 times; nobody knows why.\n\n  Հայերեն: □ 汉字。'.repeat(200);
    expect(count(prose)).toBe(whole(prose));
  });

  it('takes a word of which nobody should wait for the tokens by its bytes', async () => {
    const count = await tokenCount('o200k_base');
    const run = ' '.repeat(60_000);
    expect(count(`a${run}b`)).toBe(59_999 + count('a') + count(' b'));
  });
});
