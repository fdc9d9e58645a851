import { BACKSLASH } from '../../json-scan/json-tokens.js';
import { STEP_BYTES } from './body-scan.js';

/** Text has about four bytes for each token. */
export const BYTES_IN_TOKEN = 4;
const LOWER_U = 0x75,
  LOWER_D = 0x64,
  LOWER_CASE = 0x20,
  ZERO = 0x30,
  SEVEN = 0x37,
  EIGHT = 0x38;
const UNICODE_ESCAPE = Buffer.from('\\u');
/** The bytes of `\u` and four digits. */
const ESCAPE_LENGTH = 6;

/** A count in steps: yields the place that it has reached after each step, and returns the result. */
export type Estimate = Generator<number, number>;

/** Runs all steps of a count without a pause. */
export function atOnce(estimate: Estimate): number {
  for (;;) {
    const { done, value } = estimate.next();
    if (done === true) return value;
  }
}

/** Runs the steps with a turn of the event loop between them. */
export async function inSteps(estimate: Estimate, nextTurn: () => Promise<void>): Promise<number> {
  for (;;) {
    const { done, value } = estimate.next();
    if (done === true) return value;
    await nextTurn();
  }
}

/** Estimates the tokens of JSON that contains text, from its bytes. */
export function textTokens(json: Buffer): number {
  if (!json.includes(UNICODE_ESCAPE)) return Math.ceil(json.length / BYTES_IN_TOKEN);
  return atOnce(textSteps(json));
}

/** Estimates in steps, with a turn of the event loop between them. */
export function textTokensInSteps(json: Buffer, nextTurn: () => Promise<void>): Promise<number> {
  return inSteps(textSteps(json), nextTurn);
}

function* textSteps(json: Buffer): Estimate {
  return Math.ceil((json.length - (yield* bytesOfEscapes(json))) / BYTES_IN_TOKEN);
}

/**
 * How many more bytes the escapes of a body have than the characters that they stand for. Some JSON writers, such as
 * Python's, spell each character beyond ASCII in six bytes, which would double the tokens of a Chinese text.
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
  // The backslash may itself be escaped; then it forms no escape with the letter after it.
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

/**
 * The UTF-8 length of the character whose first two hexadecimal digits are at `at`; 2 for each half of a surrogate
 * pair.
 */
function lengthSpelt(body: Buffer, at: number): number {
  const high = body[at] ?? 0;
  const low = body[at + 1] ?? 0;
  if (high === ZERO) return low === ZERO ? 1 : low <= SEVEN ? 2 : 3;
  const isSurrogate = (high | LOWER_CASE) === LOWER_D && low >= EIGHT;
  return isSurrogate ? 2 : 3;
}
