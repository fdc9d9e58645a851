import { crc32 } from 'node:zlib';

/**
 * After each record comes a line with the CRC-32 of its bytes: `=` and eight hex digits. It is a separate line because
 * releases without checksums skip lines that are no records, but would take text after a final's JSON as part of it.
 */
export const CHECK_BYTES = 9;

/** A placeholder for the checksum, with the line ends before and after it, until the record is encoded as bytes. */
export const CHECK_TO_COME = '\n=00000000\n';

const EQUALS = 0x3d;
const DIGITS = Buffer.from('0123456789abcdef');
const NO_DIGIT = 16;
const VALUES = new Uint8Array(256).map((_, byte) => (DIGITS.includes(byte) ? DIGITS.indexOf(byte) : NO_DIGIT));

/** Writes the checksum of the record from `start` to `end` (its line feed) into the line after it. */
export function putCheck(bytes: Buffer, start: number, end: number): void {
  let crc = crc32(bytes.subarray(start, end));
  for (let place = end + CHECK_BYTES; place > end + 1; place--) {
    bytes[place] = DIGITS[crc & 15] ?? 0;
    crc >>>= 4;
  }
}

/** Whether the line after the record from `start` to `end` is its checksum. */
export function checkHolds(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[end + 1] !== EQUALS) return false;
  let crc = 0;
  for (let place = end + 2; place <= end + CHECK_BYTES; place++) {
    const value = VALUES[bytes[place] ?? 0];
    if (value === undefined || value === NO_DIGIT) return false;
    crc = (crc << 4) | value;
  }
  return crc >>> 0 === crc32(bytes.subarray(start, end));
}

/** Whether the bytes between the record's `end` and `length` are the beginning of its checksum line. */
export function checkBegins(bytes: Buffer, start: number, end: number, length: number): boolean {
  const record = Buffer.concat([bytes.subarray(start, end), Buffer.from(CHECK_TO_COME)]);
  putCheck(record, 0, end - start);
  return record.subarray(end - start + 1).indexOf(bytes.subarray(end + 1, length)) === 0;
}
