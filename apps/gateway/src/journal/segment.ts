import { closeSync, fstatSync, openSync, readdirSync, readSync, unlink, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parseRecord, type JournalRecord } from './records.js';

const NAME = /^segment-(\d{12})-(\d+)\.log$/;

/** One append-only file of a journal. Its name says its place in the order and the first final number that may stand in it. */
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
}

export function segmentName(sequence: number, firstNumber: number): string {
  return `segment-${String(sequence).padStart(12, '0')}-${firstNumber}.log`;
}

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
      return [{ path, sequence: Number(match[1]), firstNumber: Number(match[2]), begunAtMs, size, openRequests: 0, shippedAtMs: null }];
    })
    .sort((a, b) => a.sequence - b.sequence);
}

/** All whole records of a segment, in order. Lines that are not whole are passed over. */
export function* recordsOf(segment: Segment): Generator<JournalRecord> {
  const fd = openSync(segment.path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(segment.size);
    let read = 0;
    while (read < segment.size) {
      const got = readSync(fd, bytes, read, segment.size - read, read);
      if (got === 0) break;
      read += got;
    }
    let start = 0;
    for (let end = bytes.indexOf(0x0a, 0); end !== -1 && end < read; end = bytes.indexOf(0x0a, start)) {
      const record = parseRecord(bytes.toString('utf8', start, end));
      if (record !== null) yield record;
      start = end + 1;
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * Takes a segment away without waiting: the file system gives megabytes back for some milliseconds. One that stays is
 * found by the next life and shipped once more, which changes nothing.
 */
export function removeSegmentLater(segment: Segment): void {
  unlink(segment.path, () => undefined);
}

export function removeSegment(segment: Segment): void {
  unlinkSync(segment.path);
}
