import { BACKSLASH } from './json-tokens.js';

interface Named {
  readonly name: string;
}

interface Entry<Row> {
  readonly bytes: Buffer;
  readonly row: Row;
  /** Of its own among the first 31 rows of its table. */
  readonly bit: number;
}

/**
 * Finds the names of fields in the bytes of a body. Names that are spelt exactly, as nearly all are, are compared byte
 * by byte among those of their length: that is cheaper than making a text of each.
 */
export class NameTable<Row extends Named> {
  readonly #byLength: readonly (readonly Entry<Row>[])[];
  /** By their length, underscores counted; and those of several words without them. */
  readonly #inAnyCase: readonly (readonly Entry<Row>[])[];
  readonly #inAnyStyle: readonly (readonly Entry<Row>[])[];

  /**
   * `anyCase` tells the rows that a name in another case may be mistaken for; `anyStyle` those for which `camelCase` and
   * `dashed-case` of several words may be, too: readers of protobuf's JSON take the former.
   */
  constructor(rows: readonly Row[], anyCase: (row: Row) => boolean, anyStyle: (row: Row) => boolean) {
    this.#byLength = byLength(rows, ({ name }) => name);
    this.#inAnyCase = byLength(rows.filter(anyCase), ({ name }) => name);
    this.#inAnyStyle = byLength(rows.filter((row) => anyStyle(row) && row.name.includes('_')), ({ name }) => name.replaceAll('_', ''));
  }

  /** The entry whose name stands here, spelt exactly. */
  exact(bytes: Buffer, start: number, end: number): Entry<Row> | null {
    return entryOf(this.#byLength[end - start], bytes, start);
  }

  /**
   * The row that some reader may take a name for that is not spelt exactly; undefined where its escapes are no JSON.
   * Nothing is made of it, since a body may have millions of names.
   */
  mistakenFor(bytes: Buffer, start: number, end: number): Row | null | undefined {
    const isAscii = fold(bytes, start, end);
    if (isAscii === undefined) return undefined;
    if (!isAscii) return null;
    const entry = entryOf(this.#inAnyCase[foldedLength], FOLDED, 0) ?? entryOf(this.#inAnyStyle[joinedLength], JOINED, 0);
    return entry?.row ?? null;
  }
}

function byLength<Row extends Named>(rows: readonly Row[], spelt: (row: Row) => string): readonly (readonly Entry<Row>[])[] {
  const longest = Math.max(0, ...rows.map((row) => spelt(row).length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    rows.flatMap((row, index) => (spelt(row).length === length ? [{ bytes: Buffer.from(spelt(row)), row, bit: 1 << index }] : [])));
}

/** The entry, among those of a length, whose name begins here. */
function entryOf<Row>(entries: readonly Entry<Row>[] | undefined, bytes: Buffer, start: number): Entry<Row> | null {
  if (entries === undefined) return null;
  const first = bytes[start];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!, name = entry.bytes;
    if (name[0] !== first) continue;
    let at = 1;
    while (at < name.length && bytes[start + at] === name[at]) at++;
    if (at >= name.length) return entry;
  }
  return null;
}

/** The last name that was folded, in lower case, and the same without underscores and dashes; longer than any name of ours. */
const FOLDED = Buffer.alloc(128), JOINED = Buffer.alloc(128);
let foldedLength = 0, joinedLength = 0;
const UNDERSCORE = 0x5f, DASH = 0x2d, LOWER_S = 0x73, LOWER_K = 0x6b, LONG_S = 0x17f, KELVIN = 0x212a;
/** Letters that stand for control characters behind a backslash, and characters that stand for themselves. */
const ESCAPES = Buffer.from('bfnrt'), ESCAPED = Buffer.from('"\\/');

/**
 * Folds a name as Go's encoding/json does, among others, which takes names that differ in case alone for the same: of
 * letters beyond ASCII the long s and the sign of Kelvin are an s and a k in another case. False where it has others
 * beyond ASCII, undefined where its escapes are no JSON.
 */
function fold(bytes: Buffer, start: number, end: number): boolean | undefined {
  foldedLength = joinedLength = 0;
  let isAscii = true;
  for (let at = start; at < end; ) {
    let unit = bytes[at]!;
    if (unit === BACKSLASH) {
      unit = escapedUnit(bytes, at + 1);
      if (unit < 0) return undefined;
      at += bytes[at + 1] === LOWER_U ? 6 : 2;
    } else if (unit === 0xc5 && bytes[at + 1] === 0xbf) {
      unit = LONG_S;
      at += 2;
    } else if (unit === 0xe2 && bytes[at + 1] === 0x84 && bytes[at + 2] === 0xaa) {
      unit = KELVIN;
      at += 3;
    } else at += 1;
    if (unit >= 0x41 && unit <= 0x5a) unit += 0x20;
    else if (unit === LONG_S) unit = LOWER_S;
    else if (unit === KELVIN) unit = LOWER_K;
    else if (unit > 0x7f) isAscii = false;
    if (foldedLength < FOLDED.length) FOLDED[foldedLength++] = unit;
    if (unit !== UNDERSCORE && unit !== DASH && joinedLength < JOINED.length) JOINED[joinedLength++] = unit;
  }
  return isAscii;
}

const LOWER_U = 0x75;

/** What stands behind a backslash here; -1 where that is no escape of JSON. */
function escapedUnit(bytes: Buffer, at: number): number {
  const letter = bytes[at]!;
  if (letter !== LOWER_U) return ESCAPED.includes(letter) ? letter : ESCAPES.includes(letter) ? 0 : -1;
  let unit = 0;
  for (let i = 1; i <= 4; i++) {
    const digit = hexDigit(bytes[at + i]!);
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

/** What a name says once its escapes, which have been checked, are read. `start` is behind its quote. */
export function nameAt(bytes: Buffer, start: number, end: number): string {
  return JSON.parse(bytes.toString('utf8', start - 1, end + 1)) as string;
}

export type NameFault =
  | { readonly kind: 'not_json'; readonly at: number }
  /** The name is given twice, or in another spelling. */
  | { readonly kind: 'ambiguous'; readonly field: string };

/** Tells which fields the names of one object stand for, and whether one of them is there twice. */
export class ObjectNames<Row extends Named> {
  /** The field of the last name; null for one that is not in the table. */
  field: Row | null = null;
  #seen = 0;

  constructor(private readonly table: NameTable<Row>) {}

  /** Another object begins. */
  begin(): void {
    this.field = null;
    this.#seen = 0;
  }

  /** A name, between its quotes; what is wrong with it, or null. */
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
    if (meant === undefined) return { kind: 'not_json', at: start - 1 };
    return meant === null ? null : { kind: 'ambiguous', field: meant.name };
  }
}

/** The same fault, with where the object stands. */
export function within(place: string, fault: NameFault): NameFault {
  return fault.kind === 'ambiguous' ? { kind: 'ambiguous', field: `${place}.${fault.field}` } : fault;
}

const LETTER_N = 0x6e;

/** Whether the value that begins here is null. */
export function isNull(bytes: Buffer, start: number): boolean {
  return bytes[start] === LETTER_N;
}

/** Whether a value is one of some texts, given with their quotes. */
export function isOneOf(texts: readonly Buffer[], bytes: Buffer, start: number, end: number): boolean {
  return texts.some((text) => end - start === text.length && bytes.compare(text, 0, text.length, start, end) === 0);
}
