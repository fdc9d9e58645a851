import { CHECK_BYTES, checkBegins, checkHolds } from './record-check.js';

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const CLOSE_BRACE = 0x7d;
const RECORD_TYPES: ReadonlySet<number> = new Set(Buffer.from('IPF'));
export interface LinesRead {
  /** Bytes of a segment, from the beginning of a line on. */
  readonly bytes: Buffer;
  /** How many of them there are. */
  readonly length: number;
  /** Whether each record of the segment has a checksum after it. */
  readonly checked: boolean;
  /** Whether the segment ends with them: otherwise what is not whole is left for the next read. */
  readonly atEnd: boolean;
}

/**
 * Visits what may be records: in a segment with checksums only those whose checksum holds, wherever they stand among
 * bytes that are damaged. `damaged` hears how many bytes are no record, the part of one excepted that a crash leaves at
 * the end. Returns how many bytes were judged.
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

/** Whether a line's checksum is the one that follows it, or the bytes end within that. Without checksums all hold. */
function checkOf({ bytes, length, checked }: LinesRead, start: number, end: number): 'holds' | 'cut' | 'none' {
  if (!checked) return 'holds';
  const isThere = end + 1 + CHECK_BYTES <= length;
  if (isThere) return checkHolds(bytes, start, end) ? 'holds' : 'none';
  return isWholeLine(bytes.subarray(start, end)) && checkBegins(bytes, start, end, length) ? 'cut' : 'none';
}

/** Where the line after a record and its checksum begins. The end of the very last line may be missing. */
function afterRecord({ bytes, length, checked }: LinesRead, end: number, damaged: (bytes: number) => void): number {
  const checkEnd = checked ? end + 1 + CHECK_BYTES : end;
  if (checkEnd >= length) return length;
  if (bytes[checkEnd] === LINE_FEED) return checkEnd + 1;
  damaged(1);
  return beginsRecord(bytes, checkEnd) ? checkEnd : checkEnd + 1;
}

/** Where, in a line that is no record, the next one may begin: behind zeros, or at what looks like its head. */
function nextRecord(bytes: Buffer, start: number, end: number, checked: boolean): number {
  let place = start;
  while (bytes[place] === 0) place += 1;
  if (place > start) return place;
  if (!checked) return end + 1;
  const heads = [...bytes.toString('latin1', start + 1, end).matchAll(RECORD_HEAD)].slice(-HEADS_TRIED_MAX);
  const whole = heads.map(({ index }) => start + 1 + index).find((head) => checkHolds(bytes, head, end));
  return whole ?? end + 1;
}

/** Each is tried by a checksum to the end of its line; one that is whole is among the last of a line. */
const HEADS_TRIED_MAX = 16;
const RECORD_HEAD = /[IPF] [!-~]{1,100} [!-~]{1,100} \d{1,17} \{/g;

const beginsRecord = (bytes: Buffer, start: number): boolean =>
  RECORD_TYPES.has(bytes[start]!) && bytes[start + 1] === SPACE;

/**
 * Whether a line can be one that a crash cut off behind its end: it has its JSON to the last brace, and no lost bytes.
 */
function isWholeLine(line: Buffer): boolean {
  return line.at(-1) === CLOSE_BRACE && !line.includes(0);
}

/** What a crash in the middle of a write leaves: a record that was begun. Where a disk lost bytes they are zero. */
function isBegunRecord(bytes: Buffer): boolean {
  return (beginsRecord(bytes, 0) || (bytes.length === 1 && RECORD_TYPES.has(bytes[0]!))) && !bytes.includes(0);
}
