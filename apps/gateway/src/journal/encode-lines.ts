import { CHECK_TO_COME, putCheck } from './record-check.js';

/** Writes of up to this many bytes reuse one buffer instead of allocating their own. */
const SCRATCH_BYTES = 256 * 1024;
/** UTF-8 takes at most this many bytes for one UTF-16 unit of a string. */
const UTF8_BYTES_MAX = 3;

/** Encodes records as bytes. The buffer is reused: its contents are valid until the next call. */
export class LineEncoder {
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  /** Encodes the lines and fills in the checksum of each. `formatRecord` has left room for it. */
  encode(lines: readonly string[]): Buffer {
    const text = lines.join('');
    const isSmall = text.length * UTF8_BYTES_MAX <= SCRATCH_BYTES;
    const bytes = isSmall ? this.#scratch.subarray(0, this.#scratch.write(text)) : Buffer.from(text);
    putChecks(bytes, lines, bytes.length === text.length);
    return bytes;
  }
}

/** Fills in the checksum at the end of each record. `ascii` says that each character is one byte. */
function putChecks(bytes: Buffer, lines: readonly string[], ascii: boolean): void {
  let start = 0;
  for (const line of lines) {
    const next = start + (ascii ? line.length : Buffer.byteLength(line));
    putCheck(bytes, start, next - CHECK_TO_COME.length);
    start = next;
  }
}
