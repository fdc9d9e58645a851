import { closeSync, fstatSync, openSync, readdirSync, readSync, rename, renameSync, unlink, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readLines } from './read-lines.js';
import { parseRecord, type JournalRecord } from './records.js';

const NAME = /^segment-(\d{12})-(\d+)\.log$/;
/** Longer than any safe integer, so a number padded to this length begins with a zero. */
const NUMBER_DIGITS = 17;

/**
 * One append-only file of a journal. Its name gives its place in the order and the first final number that it may
 * contain. A leading zero of that number says that each record has a checksum: releases without checksums ignore the
 * zero, and damage inside the file cannot remove this sign.
 */
export interface Segment {
  readonly path: string;
  readonly sequence: number;
  readonly firstNumber: number;
  /** Milliseconds since 1970. */
  readonly begunAtMs: number;
  /** Bytes that are completely written. */
  size: number;
  /** Intents, and newest progress, of requests without a final: they are needed if this process dies. */
  openRequests: number;
  /** When the whole segment was acknowledged (monotonic milliseconds); null before that. */
  shippedAtMs: number | null;
  /** Whether each record has a checksum. */
  readonly checked: boolean;
  /** True if a previous process wrote it. Its damage was counted when it was read at the start. */
  readonly found: boolean;
  /** Bytes that are no valid record, as far as they were read. */
  damagedBytes: number;
}

/** Describes a new, empty segment in `folder`. Does not create the file. */
export function newSegment(folder: string, sequence: number, firstNumber: number): Segment {
  const name = `segment-${String(sequence).padStart(12, '0')}-${String(firstNumber).padStart(NUMBER_DIGITS, '0')}.log`;
  const path = join(folder, name);
  const begunAtMs = Date.now();
  return { path, sequence, firstNumber, begunAtMs, ...UNTOUCHED, size: 0, checked: true, found: false };
}

const UNTOUCHED = { openRequests: 0, shippedAtMs: null, damagedBytes: 0 };

/** Lists the segments of a folder, oldest first, with the sizes of their files. */
export function listSegments(folder: string): Segment[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const match = NAME.exec(name);
      if (match === null) return [];
      const path = join(folder, name);
      const fd = openSync(path, 'r');
      const { size, birthtimeMs: begunAtMs } = fstatSync(fd);
      closeSync(fd);
      const [, sequence, number = ''] = match;
      const checked = number.startsWith('0');
      return [
        {
          path,
          sequence: Number(sequence),
          firstNumber: Number(number),
          begunAtMs,
          ...UNTOUCHED,
          size,
          checked,
          found: true,
        },
      ];
    })
    .sort((a, b) => a.sequence - b.sequence);
}

/**
 * All records of a segment, in order. `damaged` is called with the number of bytes that are no record. An incomplete
 * last record, which a crash leaves, is skipped.
 */
export function recordsOf(segment: Segment, damaged: (bytes: number) => void = () => undefined): JournalRecord[] {
  const fd = openSync(segment.path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(segment.size);
    let length = 0;
    while (length < segment.size) {
      const got = readSync(fd, bytes, length, segment.size - length, length);
      if (got === 0) break;
      length += got;
    }
    const records: JournalRecord[] = [];
    const visit = (start: number, end: number): void => {
      const record = parseRecord(bytes.toString('utf8', start, end));
      if (record === null) damaged(end + 1 - start);
      else records.push(record);
    };
    readLines({ bytes, length, checked: segment.checked, atEnd: true }, visit, damaged);
    return records;
  } finally {
    closeSync(fd);
  }
}

/**
 * Removes a segment without waiting, because a file system needs some milliseconds to free megabytes. If the file
 * stays, the next process ships it once more, which is harmless. A damaged segment is renamed and kept for people to
 * inspect.
 */
export function removeSegmentLater({ path, damagedBytes }: Segment): void {
  if (damagedBytes > 0) rename(path, `${path}.damaged`, () => undefined);
  else unlink(path, () => undefined);
}

/** Removes a segment like `removeSegmentLater`, but waits for it. Throws the file system's error. */
export function removeSegment({ path, damagedBytes }: Segment): void {
  if (damagedBytes > 0) renameSync(path, `${path}.damaged`);
  else unlinkSync(path);
}
