const VISIBLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const IGNORED = /\p{Default_Ignorable_Code_Point}/u;
const MARKS = /\p{M}/gu;

/** What has been folded: a body may have millions of characters, and few different ones. */
const KNOWN = new Map<number, string | null>();
const KNOWN_MAX = 65_536;

/**
 * A character beyond ASCII as readers may take it that make characters plain: in lower case, by way of capitals,
 * without accents, and of its compatible forms the plainest (Unicode's NFKD). Null for one that cannot be seen: a
 * space, a control or format character, one that is not assigned.
 */
export function foldCharacter(character: number): string | null {
  const known = KNOWN.get(character);
  if (known !== undefined) return known;
  const text = String.fromCodePoint(character);
  const folded =
    VISIBLE.test(text) && !IGNORED.test(text)
      ? text.normalize('NFKD').replace(MARKS, '').toUpperCase().toLowerCase()
      : null;
  if (KNOWN.size >= KNOWN_MAX) KNOWN.clear();
  KNOWN.set(character, folded);
  return folded;
}
