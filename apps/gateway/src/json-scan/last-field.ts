import {
  BACKSLASH,
  CLOSE_BRACE,
  COLON,
  COMMA,
  OPEN_BRACE,
  QUOTE,
  skipName,
  skipSpace,
  skipValue,
  type Span,
} from './json-tokens.js';

/** A reply's usage usually begins within this many bytes before the end. */
const NEAR_END = 256;

/**
 * The value of the last field with a name (given with its quotes) in a JSON object, searched from the end. So only the
 * few bytes after the field are read, even if the reply has a long text. Undefined if the field is missing, nested, or
 * within a string; then the whole object must be scanned.
 */
export function lastField(bytes: Buffer, quotedName: Buffer): Span | undefined {
  const at = lastIndexOf(bytes, quotedName);
  // After a backslash the quote belongs to a text.
  if (at <= 0 || bytes[at - 1] === BACKSLASH) return undefined;
  const colon = skipSpace(bytes, at + quotedName.length);
  if (bytes[colon] !== COLON) return undefined;
  const start = skipSpace(bytes, colon + 1);
  const end = skipValue(bytes, start);
  if (end < 0) return undefined;
  // The rest must be further fields and exactly one closing brace: then the field belongs to the object itself.
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

/**
 * The value of a field with a name (given with its quotes) among those that follow the value which ends at `from`, in
 * the same object. Undefined if there is none.
 */
export function fieldAfter(bytes: Buffer, from: number, quotedName: Buffer): Span | undefined {
  let next = skipSpace(bytes, from);
  while (bytes[next] === COMMA) {
    const name = skipSpace(bytes, next + 1);
    const start = skipName(bytes, name);
    if (start < 0) return undefined;
    const end = skipValue(bytes, start);
    if (end < 0) return undefined;
    if (bytes.compare(quotedName, 0, quotedName.length, name, name + quotedName.length) === 0) return { start, end };
    next = skipSpace(bytes, end);
  }
  return undefined;
}

/**
 * The value of the last field with a name (given with its quotes) in a JSON object, found by scanning all of it.
 * Undefined if there is none, or if the text is no object.
 */
export function topLevelField(bytes: Buffer, quotedName: Buffer): Span | undefined {
  let found: Span | undefined;
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) return undefined;
  at = skipSpace(bytes, at + 1);
  while (bytes[at] === QUOTE) {
    const start = skipName(bytes, at);
    const end = start < 0 ? -1 : skipValue(bytes, start);
    if (end < 0) return undefined;
    if (bytes.compare(quotedName, 0, quotedName.length, at, Math.min(at + quotedName.length, bytes.length)) === 0)
      found = { start, end };
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return found;
}

/** Searches the end byte by byte first, which takes less time than starting a native search. */
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
