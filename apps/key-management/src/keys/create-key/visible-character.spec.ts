import { describe, expect, it } from 'vitest';
import { hasVisibleCharacter } from './visible-character.js';

/** All characters of Unicode except surrogates. */
const characters = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));
/** The characters that Unicode shows as nothing by default, and the two symbols that are blank. */
const OF_NOTHING = /[\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]/u;

describe('a visible character', () => {
  it('is no space, mark, control, format, private or unassigned character, and none that is not to be shown', () => {
    const invisible = characters.filter(
      (one) => OF_NOTHING.test(one) || (/[\p{Z}\p{M}\p{C}]/u.test(one) && !/\p{Extended_Pictographic}/u.test(one)),
    );
    expect(invisible.length).toBeGreaterThan(200_000);
    expect(invisible.filter((one) => hasVisibleCharacter(one) || hasVisibleCharacter(`${one} ${one}`))).toEqual([]);
  });

  it('is any letter, number, punctuation mark or symbol, alone or among others that are invisible', () => {
    const visible = characters.filter((one) => /[\p{L}\p{N}\p{P}\p{S}]/u.test(one) && !OF_NOTHING.test(one));
    expect(visible.length).toBeGreaterThan(140_000);
    expect(
      visible.filter((one) => !hasVisibleCharacter(one) || !hasVisibleCharacter(`\u200b${one}\u0301\ufe0f`)),
    ).toEqual([]);
  });

  it.each([
    '',
    ' ',
    '\u200b',
    '\u2060',
    '\u00ad',
    '\u200e',
    '\u061c',
    '\u3164',
    '\u115f\u1160',
    '\uffa0',
    '\u{e0041}\u{e007f}',
    '\u0301\u20dd',
    '\u2800',
    '\ufe0f',
    '\u180e',
    '\ufeff',
    '\u034f',
  ])('is missing in %j', (text) => {
    expect(hasVisibleCharacter(text)).toBe(false);
  });

  it.each(['a', '0', '!', '-', '€', 'ア', 'א', '한', '🙂', '👩‍🚀', '1\ufe0f\u20e3'])('stands in %j', (text) => {
    expect(hasVisibleCharacter(text)).toBe(true);
  });
});
