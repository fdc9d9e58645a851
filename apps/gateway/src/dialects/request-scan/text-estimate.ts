import { BACKSLASH } from '../../json-scan/json-tokens.js';
import { STEP_BYTES } from './body-scan.js';

/** Text has some four bytes a token. */
export const BYTES_IN_TOKEN = 4;
const LOWER_U = 0x75,
  LOWER_D = 0x64,
  LOWER_CASE = 0x20,
  ZERO = 0x30,
  SEVEN = 0x37,
  EIGHT = 0x38;
const UNICODE_ESCAPE = Buffer.from('\\u');
/** `\u` and four digits. */
const ESCAPE_LENGTH = 6;

/** A count that can be left after each step, with the place that it has come to. */
export type Estimate = Generator<number, number>;

/** Goes through all steps of a count at once. */
export function atOnce(estimate: Estimate): number {
  for (;;) {
    const { done, value } = estimate.next();
    if (done === true) return value;
  }
}

/** Goes through them with a turn of the event loop in between. */
export async function inSteps(estimate: Estimate, nextTurn: () => Promise<void>): Promise<number> {
  for (;;) {
    const { done, value } = estimate.next();
    if (done === true) return value;
    await nextTurn();
  }
}

/** Tokens of JSON that holds text, by its bytes. */
export function textTokens(json: Buffer): number {
  if (!json.includes(UNICODE_ESCAPE)) return Math.ceil(json.length / BYTES_IN_TOKEN);
  return atOnce(textSteps(json));
}

/** The same, with a turn of the event loop between its steps. */
export function textTokensInSteps(json: Buffer, nextTurn: () => Promise<void>): Promise<number> {
  return inSteps(textSteps(json), nextTurn);
}

function* textSteps(json: Buffer): Estimate {
  return Math.ceil((json.length - (yield* bytesOfEscapes(json))) / BYTES_IN_TOKEN);
}

/**
 * How many bytes the escapes of a body have on top of the characters that they spell: some writers of JSON, Python's
 * among them, spell each character beyond ASCII in six bytes, which would double the tokens of a Chinese text.
 */
export function* bytesOfEscapes(body: Buffer): Estimate {
  let first = -1;
  for (let from = 0; first === -1 && from < body.length; from += STEP_BYTES) {
    if (from > 0) yield from;
    const found = (from === 0 && body.length <= STEP_BYTES ? body : body.subarray(from, from + STEP_BYTES + 1)).indexOf(
      UNICODE_ESCAPE,
    );
    if (found !== -1) first = from + found;
  }
  if (first === -1) return 0;
  let at = first;
  // The backslash may itself be escaped, and then spells nothing with the letter behind it.
  while (body[at - 1] === BACKSLASH) at -= 1;
  let bytes = 0;
  let step = at + STEP_BYTES;
  for (; at < body.length; at++) {
    if (at >= step) {
      yield at;
      step = at + STEP_BYTES;
    }
    if (body[at] !== BACKSLASH) continue;
    if (body[at + 1] === LOWER_U) bytes += ESCAPE_LENGTH - lengthSpelt(body, at + 2);
    at += 1;
  }
  return bytes;
}

/** The bytes in UTF-8 of the character whose first two of four hexadecimal digits stand here; of a half of one, two. */
function lengthSpelt(body: Buffer, at: number): number {
  const [high, low] = [body[at]!, body[at + 1]!];
  if (high === ZERO) return low === ZERO ? 1 : low <= SEVEN ? 2 : 3;
  const isSurrogate = (high | LOWER_CASE) === LOWER_D && low >= EIGHT;
  return isSurrogate ? 2 : 3;
}
