/**
 * What a caller may write in `model`: 1 to 200 characters of any script. A route whose model is `*` puts the name into
 * the usage event, so it must be a text that the ledger can hold: no control character (Cc, with NUL), no half of a
 * surrogate pair (Cs). Otherwise the call would be served and could never be booked.
 */
const MODEL_NAME = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

export function isModelName(value: unknown): value is string {
  return typeof value === 'string' && MODEL_NAME.test(value);
}
