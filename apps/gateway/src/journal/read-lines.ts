import { CHECK_BYTES, checkBegins, checkHolds } from './record-check.js';

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const CLOSE_BRACE = 0x7d;
const RECORD_TYPES: ReadonlySet<number | undefined> = new Set(Buffer.from('IPF'));

/** A part of a segment that `readLines` is to look through. */
export interface LinesRead {
  /** Bytes of the segment, starting at the beginning of a line. */
  readonly bytes: Buffer;
  /** The number of bytes to look at. */
  readonly length: number;
  /** Whether each record of the segment has a checksum after it. */
  readonly checked: boolean;
  /** Whether these bytes reach the end of the segment; otherwise an incomplete line is left for the next read. */
  readonly atEnd: boolean;
}

/**
 * Calls `visit` for each possible record. In a segment with checksums these are only the records whose checksum holds,
 * even between damaged bytes. Calls `damaged` with the number of bytes that are no record, except for an incomplete
 * record at the end, which a crash leaves. Returns how many bytes were handled.
 */
export function readLines(
  read: LinesRead,
  visit: (start: number, end: number) => void,
  damaged: (bytes: number) => void,
): number {
  const { bytes, length, checked, atEnd } = read;
  let start = 0;
  while (start < length) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end === -1 || end >= length) {
      if (!atEnd) return start;
      if (!isBegunRecord(bytes.subarray(start, length))) damaged(length - start);
      return length;
    }
    if (checked && !atEnd && end + 1 + CHECK_BYTES >= length) return start;
    const check = beginsRecord(bytes, start) ? checkOf(read, start, end) : 'none';
    if (check === 'cut') return length;
    if (check === 'holds') {
      visit(start, end);
      start = afterRecord(read, end, damaged);
      continue;
    }
    const next = nextRecord(bytes, start, end, checked);
    damaged(next - start);
    start = next;
  }
  return start;
}

/**
 * Checks the checksum line after a record; `cut` means that the bytes end within it. Without checksums all lines hold.
 */
function checkOf({ bytes, length, checked }: LinesRead, start: number, end: number): 'holds' | 'cut' | 'none' {
  if (!checked) return 'holds';
  const isThere = end + 1 + CHECK_BYTES <= length;
  if (isThere) return checkHolds(bytes, start, end) ? 'holds' : 'none';
  return isWholeLine(bytes.subarray(start, end)) && checkBegins(bytes, start, end, length) ? 'cut' : 'none';
}

/** Returns the start of the line after a record and its checksum. The very last line end may be missing. */
function afterRecord({ bytes, length, checked }: LinesRead, end: number, damaged: (bytes: number) => void): number {
  const checkEnd = checked ? end + 1 + CHECK_BYTES : end;
  if (checkEnd >= length) return length;
  if (bytes[checkEnd] === LINE_FEED) return checkEnd + 1;
  damaged(1);
  return beginsRecord(bytes, checkEnd) ? checkEnd : checkEnd + 1;
}

/**
 * Finds the next possible record in a damaged line: after zero bytes, or at text that looks like the head of a record.
 */
function nextRecord(bytes: Buffer, start: number, end: number, checked: boolean): number {
  let place = start;
  while (bytes[place] === 0) place += 1;
  if (place > start) return place;
  if (!checked) return end + 1;
  const heads = [...bytes.toString('latin1', start + 1, end).matchAll(RECORD_HEAD)].slice(-HEADS_TRIED_MAX);
  const whole = heads.map(({ index }) => start + 1 + index).find((head) => checkHolds(bytes, head, end));
  return whole ?? end + 1;
}

/**
 * Each candidate costs a checksum up to the end of the line. An intact record is among the last candidates of its line.
 */
const HEADS_TRIED_MAX = 16;
const RECORD_HEAD = /[IPF] [!-~]{1,100} [!-~]{1,100} \d{1,17} \{/g;

const beginsRecord = (bytes: Buffer, start: number): boolean =>
  RECORD_TYPES.has(bytes[start]) && bytes[start + 1] === SPACE;

/**
 * Whether a crash may have cut only the checksum of this line: its JSON ends with a brace, and it has no zero bytes.
 */
function isWholeLine(line: Buffer): boolean {
  return line.at(-1) === CLOSE_BRACE && !line.includes(0);
}

/**
 * Whether a crash in the middle of a write can leave these bytes: a record's beginning, without zeros. Bytes that a
 * disk loses become zeros.
 */
function isBegunRecord(bytes: Buffer): boolean {
  return (beginsRecord(bytes, 0) || (bytes.length === 1 && RECORD_TYPES.has(bytes[0]))) && !bytes.includes(0);
}
