import { hasControlCharacter } from './control-characters.js';

/** A range of bytes: the first byte, and the one after the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Bytes of JSON's quote, escape and separators. */
export const QUOTE = 0x22,
  BACKSLASH = 0x5c,
  COMMA = 0x2c,
  COLON = 0x3a;
/** Bytes of JSON's brackets. */
export const OPEN_BRACE = 0x7b,
  CLOSE_BRACE = 0x7d,
  OPEN_BRACKET = 0x5b,
  CLOSE_BRACKET = 0x5d;
/** Deeper nesting is refused: no client needs it, and readers behind the gateway may recurse. */
const DEPTH_MAX = 256;
/** A string is read byte by byte up to this length. After that a native search is faster. */
export const NATIVE_AFTER = 48;
/** Longer runs of digits are refused: no client needs them, and reading one would delay other requests. */
const DIGITS_MAX = 4_096;

/** The place of the next byte that is no white space. */
export function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/**
 * Reads a string from the byte after its opening quote. Returns the byte after the closing one; -1 if there is none, or
 * if a raw control character comes before it.
 */
export function skipString(bytes: Buffer, from: number): number {
  const near = Math.min(from + NATIVE_AFTER, bytes.length);
  let at = from;
  while (at < near) {
    let byte = bytes[at] ?? 0;
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) byte = bytes[++at] ?? 0;
    // No escape contains a raw control character, so none may follow a backslash either.
    if (byte < 0x20) return -1;
    at++;
  }
  const native = at;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) return -1;
    let slash = quote - 1;
    while (slash >= at && bytes[slash] === BACKSLASH) slash--;
    if ((quote - 1 - slash) % 2 === 0) return hasControlCharacter(bytes, native, quote) ? -1 : quote + 1;
    at = quote + 1;
  }
}

const TRUE = Buffer.from('true'),
  FALSE = Buffer.from('false'),
  NULL = Buffer.from('null');

/** The byte after a number, `true`, `false` or `null`; -1 if it is none of these. */
export function skipScalar(bytes: Buffer, from: number): number {
  switch (bytes[from]) {
    case 0x74:
      return skipWord(bytes, from, TRUE);
    case 0x66:
      return skipWord(bytes, from, FALSE);
    case 0x6e:
      return skipWord(bytes, from, NULL);
    case undefined:
      return -1;
    default:
      return skipNumber(bytes, from);
  }
}

function skipWord(bytes: Buffer, from: number, word: Buffer): number {
  for (let i = 1; i < word.length; i++) if (bytes[from + i] !== word[i]) return -1;
  return from + word.length;
}

const MINUS = 0x2d,
  PLUS = 0x2b,
  POINT = 0x2e,
  ZERO = 0x30,
  NINE = 0x39;

function skipNumber(bytes: Buffer, from: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from;
  let at = skipDigits(bytes, first);
  if (at === first || (bytes[first] === ZERO && at > first + 1)) return -1;
  if (bytes[at] === POINT) {
    const end = skipDigits(bytes, at + 1);
    if (end === at + 1) return -1;
    at = end;
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1];
    const digits = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
    at = skipDigits(bytes, digits);
    if (at === digits) return -1;
  }
  return at;
}

function skipDigits(bytes: Buffer, from: number): number {
  const end = from + DIGITS_MAX;
  let at = from;
  while (at < end) {
    const byte = bytes[at];
    if (byte === undefined || byte < ZERO || byte > NINE) break;
    at++;
  }
  return at;
}

/** The byte after a value; -1 if the value is invalid. */
export function skipValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
  if (first === QUOTE) return skipString(bytes, from + 1);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(bytes, from);
  return skipScalar(bytes, from);
}

/** The byte after an object or array, at any depth; -1 if its brackets, commas or names are wrong. */
function skipNested(bytes: Buffer, from: number): number {
  const closers: number[] = [];
  let at = from;
  for (;;) {
    // A value begins here.
    const byte = bytes[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (closers.length === DEPTH_MAX) return -1;
      const closer = byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] === closer) {
        at += 1;
      } else {
        closers.push(closer);
        if (closer === CLOSE_BRACE && (at = skipName(bytes, at)) < 0) return -1;
        continue;
      }
    } else {
      at = byte === QUOTE ? skipString(bytes, at + 1) : skipScalar(bytes, at);
      if (at < 0) return -1;
    }
    // A value has ended: the object or array around it goes on, or ends too.
    for (;;) {
      const closer = closers.at(-1);
      if (closer === undefined) return at;
      at = skipSpace(bytes, at);
      if (bytes[at] === closer) {
        closers.pop();
        at += 1;
        continue;
      }
      if (bytes[at] !== COMMA) return -1;
      at = skipSpace(bytes, at + 1);
      if (closer === CLOSE_BRACE && (at = skipName(bytes, at)) < 0) return -1;
      break;
    }
  }
}

/** Whether the list or object that opens here has nothing in it. */
export function isEmptyAt(bytes: Buffer, at: number): boolean {
  const next = bytes[skipSpace(bytes, at + 1)];
  return next === CLOSE_BRACKET || next === CLOSE_BRACE;
}

/** Reads from the opening quote of a name to the value after its colon; -1 if there is no name or no colon. */
export function skipName(bytes: Buffer, from: number): number {
  if (bytes[from] !== QUOTE) return -1;
  const end = skipString(bytes, from + 1);
  if (end < 0) return -1;
  const colon = skipSpace(bytes, end);
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : -1;
}
