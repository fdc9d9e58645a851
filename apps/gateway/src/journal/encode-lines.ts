import { CHECK_TO_COME, putCheck } from './record-check.js';

/** Writes up to this many bytes need no buffer of their own. */
const SCRATCH_BYTES = 256 * 1024;
/** UTF-8 takes no more for one unit of a string. */
const UTF8_BYTES_MAX = 3;

/** Makes bytes of records, in a buffer that is used again: they hold until the next call. */
export class LineEncoder {
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  /** The lines with the checksum of each, for which each has left room. */
  encode(lines: readonly string[]): Buffer {
    const text = lines.join('');
    const isSmall = text.length * UTF8_BYTES_MAX <= SCRATCH_BYTES;
    const bytes = isSmall ? this.#scratch.subarray(0, this.#scratch.write(text)) : Buffer.from(text);
    putChecks(bytes, lines, bytes.length === text.length);
    return bytes;
  }
}

/** Each record ends with room for its checksum; `ascii` says that its characters are its bytes. */
function putChecks(bytes: Buffer, lines: readonly string[], ascii: boolean): void {
  let start = 0;
  for (const line of lines) {
    const next = start + (ascii ? line.length : Buffer.byteLength(line));
    putCheck(bytes, start, next - CHECK_TO_COME.length);
    start = next;
  }
}
