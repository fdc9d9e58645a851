/** A parsed JSON object of unknown content. */
export type Fields = Readonly<Record<string, unknown>>;

/** A larger number cannot be a count of tokens: no model reads or writes so many in a call. */
export const TOKENS_MAX = 1_000_000_000;
/** Some relays write numbers as strings. */
const DIGITS = /^\d{1,10}(?:\.0+)?$/;
const NO_FIELDS: Fields = {};
/** The ledger can hold it, and it is no text for people. */
const WORD = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;
/** The form of a model's name, as in config.yaml: neither spaces, nor control characters, nor half a surrogate pair. */
const MODEL = /^[^\s\p{Cc}\p{Cs}]{1,200}$/u;

/** The fields of an object; none for any other value. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NO_FIELDS;
}

/** A whole number of tokens; null for any other value. */
export function tokens(value: unknown): number | null {
  const number = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0 || number > TOKENS_MAX) return null;
  // Turns JSON's negative zero into zero.
  return number + 0;
}

/** The sum of token counts, cut to what one call can have. */
export function capped(sum: number): number {
  return Math.min(sum, TOKENS_MAX);
}

/** A provider's word, as the name of a tier or a tool; null for anything else, and for the words in `usual`. */
export function wordIn(value: unknown, usual: ReadonlySet<string>): string | null {
  return typeof value === 'string' && WORD.test(value) && !usual.has(value) ? value : null;
}

/** The name of a model; null for anything else. */
export function modelIn(value: unknown): string | null {
  return typeof value === 'string' && MODEL.test(value) ? value : null;
}
