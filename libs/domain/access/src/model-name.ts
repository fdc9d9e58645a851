/**
 * What a caller may write in `model`: 1 to 200 characters of any script. If a route's model is `*`, the name goes into
 * the usage event, so the ledger must be able to store it: no control character (Cc, including NUL) and no half of a
 * surrogate pair (Cs). Otherwise the call would be served and could never be booked.
 */
const MODEL_NAME = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/** Whether a value is a model name that a caller may write. */
export function isModelName(value: unknown): value is string {
  return typeof value === 'string' && MODEL_NAME.test(value);
}
