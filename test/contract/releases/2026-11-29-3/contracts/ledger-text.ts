import { z } from 'zod';

/** An unpaired surrogate: with the flag `u`, the class `Cs` does not match a complete pair. */
const HALF_PAIR = /\p{Cs}/u;
const HALF_PAIRS = /\p{Cs}/gu;
const NUL = '\0';
/** The replacement for a character that cannot be stored (The Unicode Standard, section 23.8). */
const REPLACEMENT = '\ufffd';

/**
 * Whether the ledger can store a text unchanged. Postgres takes every text of complete Unicode characters without NUL,
 * as `text` and inside `jsonb`. Every text of a usage event is checked by this where it enters: a request that cannot
 * be booked must not be served.
 */
export function isLedgerText(text: string): boolean {
  return !text.includes(NUL) && !HALF_PAIR.test(text);
}

/** The text with U+FFFD in place of each character that the ledger cannot store. */
export function asLedgerText(text: string): string {
  return isLedgerText(text) ? text : text.replaceAll(NUL, REPLACEMENT).replace(HALF_PAIRS, REPLACEMENT);
}

/** An id that the ledger stores: 1 to 200 characters that Postgres can hold. */
export const ledgerId = z
  .string()
  .min(1)
  .max(200)
  .refine(isLedgerText, 'must hold no NUL and no half of a surrogate pair');
