import { closeSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { readLines } from './read-lines.js';
import type { Segment } from './segment.js';

const readAsync = promisify(read);

/** Which part of a segment `readPart` is to read. */
interface PartRead {
  readonly segment: Segment;
  /** The place of its first byte, where a record begins. */
  readonly offset: number;
  /** How many bytes it reads at once; more if a record is longer. */
  readonly atOnce: number;
}

/**
 * Reads a part of a segment, without blocking, and calls `visit` for each complete record in it: with the bytes, and
 * the place of its start and its end. `damaged` is called with the number of bytes that are no record. Resolves with
 * the number of bytes that were read.
 */
export async function readPart(
  { segment, offset, atOnce }: PartRead,
  visit: (bytes: Buffer, start: number, end: number) => void,
  damaged: (bytes: number) => void,
): Promise<number> {
  const fd = openSync(segment.path, 'r');
  try {
    for (let wanted = atOnce; ; wanted *= 2) {
      const left = segment.size - offset;
      const size = Math.min(wanted, left);
      const { buffer: bytes, bytesRead: length } = await readAsync(fd, Buffer.allocUnsafe(size), 0, size, offset);
      const atEnd = size === left;
      const each = (start: number, end: number): void => visit(bytes, start, end);
      const read = readLines({ bytes, length, checked: segment.checked, atEnd }, each, damaged);
      if (length < size && atEnd) damaged(size - length);
      if (atEnd) return size;
      if (read > 0) return read;
    }
  } finally {
    closeSync(fd);
  }
}
