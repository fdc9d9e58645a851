import { z } from 'zod';

/** Half of a surrogate pair: with the flag `u` whole pairs are characters of other kinds. */
const HALF_PAIR = /\p{Cs}/u;
const HALF_PAIRS = /\p{Cs}/gu;
const NUL = '\0';
/** What stands for a character that cannot be kept (The Unicode Standard, section 23.8). */
const REPLACEMENT = '\ufffd';

/**
 * Whether the ledger can hold a text as it is. Postgres takes any text of whole Unicode characters but NUL, as `text`
 * and inside of `jsonb`. Every text of a usage event is held to this where it enters: what cannot be booked must not
 * be served.
 */
export function isLedgerText(text: string): boolean {
  return !text.includes(NUL) && !HALF_PAIR.test(text);
}

/** The text with U+FFFD in the place of each character that the ledger cannot hold. */
export function asLedgerText(text: string): string {
  return isLedgerText(text) ? text : text.replaceAll(NUL, REPLACEMENT).replace(HALF_PAIRS, REPLACEMENT);
}

/** An id that goes into the ledger. */
export const ledgerId = z
  .string()
  .min(1)
  .max(200)
  .refine(isLedgerText, 'must hold no NUL and no half of a surrogate pair');
