import { BACKSLASH, CLOSE_BRACE, COLON, COMMA, skipName, skipSpace, skipValue, type Span } from './json-tokens.js';

/** Bytes before the end in which a reply's usage usually stands. */
const NEAR_END = 256;

/**
 * The value of the last field of a name (given with its quotes) of a JSON object, looked for from its end: of a reply
 * that is mostly text, the few bytes behind the field are all that is read. Undefined where it cannot be told so: no
 * such name, it stands deeper, or within a string. Then a scan of the whole object tells.
 */
export function lastField(bytes: Buffer, quotedName: Buffer): Span | undefined {
  const at = lastIndexOf(bytes, quotedName);
  // Behind a backslash the quote is text.
  if (at <= 0 || bytes[at - 1] === BACKSLASH) return undefined;
  const colon = skipSpace(bytes, at + quotedName.length);
  if (bytes[colon] !== COLON) return undefined;
  const start = skipSpace(bytes, colon + 1);
  const end = skipValue(bytes, start);
  if (end < 0) return undefined;
  // What follows closes one brace, and that is the last one: so the field was the object's own.
  let next = skipSpace(bytes, end);
  while (bytes[next] === COMMA) {
    const value = skipName(bytes, skipSpace(bytes, next + 1));
    if (value < 0) return undefined;
    const valueEnd = skipValue(bytes, value);
    if (valueEnd < 0) return undefined;
    next = skipSpace(bytes, valueEnd);
  }
  return bytes[next] === CLOSE_BRACE && skipSpace(bytes, next + 1) === bytes.length ? { start, end } : undefined;
}

/** Near the end a loop finds it before a native search has begun. */
function lastIndexOf(bytes: Buffer, word: Buffer): number {
  const [first, length] = [word[0], word.length];
  const near = Math.max(0, bytes.length - NEAR_END);
  for (let from = bytes.length - length; from >= near; from--) {
    if (bytes[from] !== first) continue;
    let at = 1;
    while (at < length && bytes[from + at] === word[at]) at++;
    if (at === length) return from;
  }
  return near === 0 ? -1 : bytes.lastIndexOf(word, near - 1);
}
