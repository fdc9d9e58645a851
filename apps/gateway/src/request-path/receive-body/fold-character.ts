const VISIBLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const IGNORED = /\p{Default_Ignorable_Code_Point}/u;
const MARKS = /\p{M}/gu;

/** What has been folded of the characters up to U+FFFF: a body may have millions of them. */
const KNOWN: (string | null | undefined)[] = [];

/**
 * A character beyond ASCII as readers may take it that make characters plain: in lower case, without accents, and of
 * its compatible forms the plainest (Unicode's NFKD). Null for one that cannot be seen: a space, a control or format
 * character, one that is not assigned.
 */
export function foldCharacter(character: number): string | null {
  const known = KNOWN[character];
  if (known !== undefined) return known;
  const text = String.fromCodePoint(character);
  const folded =
    VISIBLE.test(text) && !IGNORED.test(text) ? text.normalize('NFKD').replace(MARKS, '').toLowerCase() : null;
  if (character <= 0xffff) KNOWN[character] = folded;
  return folded;
}
