import { BACKSLASH, QUOTE, type Span } from './json-tokens.js';

const ZERO = 0x30,
  NINE = 0x39;
/** Strings up to this length are checked byte by byte. */
const SHORT = 64;
/** A double represents any integer of this many digits exactly. */
const DIGITS_MAX = 15;

/** The parsed value of a span; undefined if a string in it is invalid JSON. */
export function valueAt(body: Buffer, span: Span): unknown {
  const { start, end } = span;
  if (body[start] === QUOTE && isShortAscii(body, start + 1, end - 1))
    return body.toString('latin1', start + 1, end - 1);
  const number = plainNumberAt(body, start, end);
  if (number !== -1) return number;
  try {
    return JSON.parse(body.toString('utf8', start, end));
  } catch {
    return undefined;
  }
}

function isShortAscii(body: Buffer, start: number, end: number): boolean {
  if (end - start > SHORT) return false;
  for (let at = start; at < end; at++) {
    const byte = body[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return false;
  }
  return true;
}

/** The value of a short run of digits; -1 for any other value. */
function plainNumberAt(body: Buffer, start: number, end: number): number {
  if (end - start > DIGITS_MAX) return -1;
  let number = 0;
  for (let at = start; at < end; at++) {
    const byte = body[at] ?? 0;
    if (byte < ZERO || byte > NINE) return -1;
    number = number * 10 + byte - ZERO;
  }
  return number;
}
