const VISIBLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const IGNORED = /\p{Default_Ignorable_Code_Point}/u;
const MARKS = /\p{M}/gu;

/** Caches the results: a body may have millions of characters, but few different ones. */
const KNOWN = new Map<number, string | null>();
const KNOWN_MAX = 65_536;

/**
 * Folds a character beyond ASCII as a lenient reader might: to lower case by way of upper case, without accents, and in
 * its compatible form (Unicode's NFKD). Null for an invisible character: a space, a control or format character, or one
 * that is not assigned.
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
