import { closeSync, fstatSync, openSync, readdirSync, readSync, rename, renameSync, unlink, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readLines } from './read-lines.js';
import { parseRecord, type JournalRecord } from './records.js';

const NAME = /^segment-(\d{12})-(\d+)\.log$/;
/** Safe integers have fewer digits: a number of this length begins with a zero. */
const NUMBER_DIGITS = 17;

/**
 * One append-only file of a journal. Its name says its place in the order and the first final number that may stand in
 * it. A number that begins with a zero says that each record has a checksum: releases that write none know no such
 * number and read it as it is, and nothing that befalls the file's bytes makes them pass unchecked.
 */
export interface Segment {
  readonly path: string;
  readonly sequence: number;
  readonly firstNumber: number;
  /** Milliseconds since 1970. */
  readonly begunAtMs: number;
  /** Bytes written and whole. */
  size: number;
  /** Intents, and newest progress, of requests without a final anywhere: they are needed if this process dies. */
  openRequests: number;
  /** When all of it was acknowledged (monotonic milliseconds); null before. */
  shippedAtMs: number | null;
  /** Each of its records has a checksum. */
  readonly checked: boolean;
  /** A life before wrote it: what is damaged of it was counted when it was found. */
  readonly found: boolean;
  /** Bytes of it that are no record, as far as they were seen. */
  damagedBytes: number;
}

/** A segment that is begun in `folder`. */
export function newSegment(folder: string, sequence: number, firstNumber: number): Segment {
  const name = `segment-${String(sequence).padStart(12, '0')}-${String(firstNumber).padStart(NUMBER_DIGITS, '0')}.log`;
  const path = join(folder, name);
  const begunAtMs = Date.now();
  return { path, sequence, firstNumber, begunAtMs, ...UNTOUCHED, size: 0, checked: true, found: false };
}

const UNTOUCHED = { openRequests: 0, shippedAtMs: null, damagedBytes: 0 };

/** The segments of a folder, oldest first, their sizes as found. */
export function listSegments(folder: string): Segment[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const match = NAME.exec(name);
      if (match === null) return [];
      const path = join(folder, name);
      const fd = openSync(path, 'r');
      const { size, birthtimeMs: begunAtMs } = fstatSync(fd);
      closeSync(fd);
      const [sequence, firstNumber] = [Number(match[1]), Number(match[2])];
      const checked = match[2]!.startsWith('0');
      return [{ path, sequence, firstNumber, begunAtMs, ...UNTOUCHED, size, checked, found: true }];
    })
    .sort((a, b) => a.sequence - b.sequence);
}

/**
 * All records of a segment, in order. `damaged` hears of bytes that are none; what a crash left of the last record is
 * passed over.
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
 * Takes a segment away without waiting: the file system gives megabytes back for some milliseconds. One that stays is
 * found by the next life and shipped once more, which changes nothing. A damaged one is kept for people to look at,
 * under a name that no life reads.
 */
export function removeSegmentLater({ path, damagedBytes }: Segment): void {
  if (damagedBytes > 0) rename(path, `${path}.damaged`, () => undefined);
  else unlink(path, () => undefined);
}

export function removeSegment({ path, damagedBytes }: Segment): void {
  if (damagedBytes > 0) renameSync(path, `${path}.damaged`);
  else unlinkSync(path);
}
