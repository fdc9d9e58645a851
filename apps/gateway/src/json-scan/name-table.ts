import { foldCharacter } from './fold-character.js';
import { BACKSLASH } from './json-tokens.js';

interface Named {
  readonly name: string;
}

/** The bits of a number that `<<` can set. */
const BITS = 32;

interface Entry<Row> {
  readonly bytes: Buffer;
  readonly row: Row;
  /** A bit of its own, for each of the first 32 rows of the table; 0 for others, whose repetition is not noticed. */
  readonly bit: number;
}

/**
 * Finds the names of fields in the bytes of a body. Nearly all names are spelt exactly: they are compared byte by byte
 * with the names of the same length, which is cheaper than making a string of each.
 */
export class NameTable<Row extends Named> {
  readonly #byLength: readonly (readonly Entry<Row>[])[];
  /** The names by length: with their underscores, and those of several words without them. */
  readonly #inAnyCase: readonly (readonly Entry<Row>[])[];
  readonly #inAnyStyle: readonly (readonly Entry<Row>[])[];

  /**
   * `anyCase` selects the rows that a name in another case can be mistaken for. `anyStyle` selects those that can also
   * be mistaken in `camelCase` or `dashed-case`: readers of protobuf's JSON accept the former.
   */
  constructor(rows: readonly Row[], anyCase: (row: Row) => boolean, anyStyle: (row: Row) => boolean) {
    this.#byLength = byLength(rows, ({ name }) => name);
    this.#inAnyCase = byLength(rows.filter(anyCase), ({ name }) => name);
    this.#inAnyStyle = byLength(
      rows.filter((row) => anyStyle(row) && row.name.includes('_')),
      ({ name }) => name.replaceAll('_', ''),
    );
  }

  /** The entry whose name is spelt exactly here; null if there is none. */
  exact(bytes: Buffer, start: number, end: number): Entry<Row> | null {
    return entryOf(this.#byLength[end - start], bytes, start);
  }

  /**
   * The row that some reader may take an inexact name for, or null, or the fault of the name. Makes no strings, since a
   * body may have millions of names.
   */
  mistakenFor(bytes: Buffer, start: number, end: number): Row | null | OddName {
    const odd = fold(bytes, start, end);
    if (odd !== null) return odd;
    const entry =
      entryOf(this.#inAnyCase[foldedLength], FOLDED, 0) ?? entryOf(this.#inAnyStyle[joinedLength], JOINED, 0);
    return entry?.row ?? null;
  }
}

/** The fault of a name: its escapes are invalid JSON, or it has invisible or invalid characters. */
export type OddName = 'not_json' | 'odd_name';

function byLength<Row extends Named>(
  rows: readonly Row[],
  spelt: (row: Row) => string,
): readonly (readonly Entry<Row>[])[] {
  const longest = Math.max(0, ...rows.map((row) => spelt(row).length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    rows.flatMap((row, index) =>
      spelt(row).length === length ? [{ bytes: Buffer.from(spelt(row)), row, bit: index < BITS ? 1 << index : 0 }] : [],
    ),
  );
}

/** The entry, among those of one length, whose name begins at `start`. */
function entryOf<Row>(entries: readonly Entry<Row>[] | undefined, bytes: Buffer, start: number): Entry<Row> | null {
  if (entries === undefined) return null;
  const first = bytes[start];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    if (entry === undefined) break;
    const name = entry.bytes;
    if (name[0] !== first) continue;
    let at = 1;
    while (at < name.length && bytes[start + at] === name[at]) at++;
    if (at >= name.length) return entry;
  }
  return null;
}

/** The last folded name, with and without underscores and dashes. Both are longer than any known name. */
const FOLDED = Buffer.alloc(128),
  JOINED = Buffer.alloc(128);
let foldedLength = 0,
  joinedLength = 0;
const SPACE = 0x20,
  UNDERSCORE = 0x5f,
  DASH = 0x2d,
  DELETE = 0x7f;
/** Letters that stand for control characters after a backslash, and characters that stand for themselves. */
const ESCAPES = Buffer.from('bfnrt'),
  ESCAPED = Buffer.from('"\\/');
/** The place in the name up to which it is folded. */
let nextAt = 0;

/**
 * Folds a name as any reader might: Go's encoding/json ignores case, and others cut off spaces or normalise characters.
 * Invisible characters are refused: some readers end a name at a NUL, or drop invalid UTF-8.
 */
function fold(bytes: Buffer, start: number, end: number): OddName | null {
  foldedLength = joinedLength = 0;
  for (nextAt = start; nextAt < end;) {
    let character = bytes[nextAt] ?? 0;
    if (character === BACKSLASH) character = escapedCharacter(bytes);
    else if (character < 0x80) nextAt += 1;
    else character = utf8Character(bytes, end);
    if (character === NO_JSON) return 'not_json';
    if (character < SPACE || character === DELETE) return 'odd_name';
    if (character === SPACE) continue;
    // A name that is longer than any known one cannot match. Only its grammar still matters.
    if (foldedLength === FOLDED.length) continue;
    if (character >= 0x80) {
      const folded = foldCharacter(character);
      if (folded === null) return 'odd_name';
      for (let i = 0; i < folded.length; i++) put(folded.charCodeAt(i));
    } else put(character >= 0x41 && character <= 0x5a ? character + 0x20 : character);
  }
  return null;
}

/** Stores one character. No known name has characters beyond ASCII, so one byte stands for all of them. */
function put(unit: number): void {
  const byte = unit < 0x80 ? unit : 0x80;
  if (foldedLength < FOLDED.length) FOLDED[foldedLength++] = byte;
  if (byte !== UNDERSCORE && byte !== DASH && joinedLength < JOINED.length) JOINED[joinedLength++] = byte;
}

/** Returned instead of a character. */
const NO_JSON = -2,
  BROKEN = -1;

/** The character of the escape at `nextAt`, which is two escapes for a surrogate pair. */
function escapedCharacter(bytes: Buffer): number {
  const unit = escapedUnit(bytes, nextAt + 1);
  if (unit < 0) return NO_JSON;
  nextAt += bytes[nextAt + 1] === LOWER_U ? 6 : 2;
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  if (unit > 0xdbff || bytes[nextAt] !== BACKSLASH || bytes[nextAt + 1] !== LOWER_U) return BROKEN;
  const low = escapedUnit(bytes, nextAt + 1);
  if (low < 0) return NO_JSON;
  nextAt += 6;
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00) : BROKEN;
}

/** The character beyond ASCII at `nextAt`. */
function utf8Character(bytes: Buffer, end: number): number {
  const first = bytes[nextAt] ?? 0;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || nextAt + length > end) return BROKEN;
  let character = first & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const next = bytes[nextAt + i] ?? 0;
    if ((next & 0xc0) !== 0x80) return BROKEN;
    character = (character << 6) | (next & 0x3f);
  }
  nextAt += length;
  const isLonger = character < (length === 3 ? 0x800 : length === 4 ? 0x10000 : 0x80);
  return isLonger || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff) ? BROKEN : character;
}

const LOWER_U = 0x75;

/** The character after a backslash, 0 for one of control; -1 if it is no escape of JSON. */
function escapedUnit(bytes: Buffer, at: number): number {
  const letter = bytes[at] ?? 0;
  if (letter !== LOWER_U) return ESCAPED.includes(letter) ? letter : ESCAPES.includes(letter) ? 0 : -1;
  let unit = 0;
  for (let i = 1; i <= 4; i++) {
    const digit = hexDigit(bytes[at + i] ?? 0);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** The name with its escapes, which have been checked, replaced. `start` is the byte after its quote. */
export function nameAt(bytes: Buffer, start: number, end: number): string {
  return JSON.parse(bytes.toString('utf8', start - 1, end + 1)) as string;
}

/** Why a name is refused. */
export type NameFault =
  | { readonly kind: OddName; readonly at: number }
  /** The name is repeated or spelt in another way. */
  | { readonly kind: 'ambiguous'; readonly field: string };

/** Finds the fields that the names of one object stand for, and detects repeated names. */
export class ObjectNames<Row extends Named> {
  /** The field of the last name; null if it is not in the table. */
  field: Row | null = null;
  #seen = 0;

  constructor(private readonly table: NameTable<Row>) {}

  /** Call it at the beginning of an object. */
  begin(): void {
    this.field = null;
    this.#seen = 0;
  }

  /** Takes a name, without its quotes. Returns its fault or null. */
  take(bytes: Buffer, start: number, end: number): NameFault | null {
    const entry = this.table.exact(bytes, start, end);
    if (entry === null) return this.#takeOther(bytes, start, end);
    this.field = entry.row;
    if ((this.#seen & entry.bit) !== 0) return { kind: 'ambiguous', field: entry.row.name };
    this.#seen |= entry.bit;
    return null;
  }

  #takeOther(bytes: Buffer, start: number, end: number): NameFault | null {
    this.field = null;
    const meant = this.table.mistakenFor(bytes, start, end);
    if (typeof meant === 'string') return { kind: meant, at: start - 1 };
    return meant === null ? null : { kind: 'ambiguous', field: meant.name };
  }
}

/** The fault with the path of the object put before the field's name. */
export function within(place: string, fault: NameFault): NameFault {
  return fault.kind === 'ambiguous' ? { kind: 'ambiguous', field: `${place}.${fault.field}` } : fault;
}

const LETTER_N = 0x6e;

/** Whether the value that begins here is `null`. */
export function isNull(bytes: Buffer, start: number): boolean {
  return bytes[start] === LETTER_N;
}

/** Whether a value equals one of some texts, which are given with their quotes. */
export function isOneOf(texts: readonly Buffer[], bytes: Buffer, start: number, end: number): boolean {
  return texts.some((text) => end - start === text.length && bytes.compare(text, 0, text.length, start, end) === 0);
}
