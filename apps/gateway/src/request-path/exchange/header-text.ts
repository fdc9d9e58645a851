/** What a header may not hold as it is: all but visible ASCII and spaces, and the sign of the encoding. */
const NOT_PLAIN = /[^\x20-\x24\x26-\x7e]/gu;
/** Half of a surrogate pair, which no encoding has. */
const HALF = /\p{Cs}/u;

/** A text as the value of a header: characters besides visible ASCII are percent-encoded as UTF-8. */
export function headerText(text: string): string {
  return text.replace(NOT_PLAIN, (character) => (HALF.test(character) ? '%EF%BF%BD' : encodeURIComponent(character)));
}
