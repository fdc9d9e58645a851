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
  readonly #folded = new Map<string, Row>();
  readonly #joined = new Map<string, Row>();

  /**
   * `anyCase` tells the rows that a name in another case may be mistaken for; `anyStyle` those for which `camelCase` and
   * `dashed-case` of several words may be, too: readers of protobuf's JSON take the former.
   */
  constructor(rows: readonly Row[], anyCase: (row: Row) => boolean, anyStyle: (row: Row) => boolean) {
    const longest = Math.max(...rows.map(({ name }) => name.length));
    this.#byLength = Array.from({ length: longest + 1 }, (_, length) =>
      rows.flatMap((row, index) => (row.name.length === length ? [{ bytes: Buffer.from(row.name), row, bit: 1 << index }] : [])));
    for (const row of rows.filter(anyCase)) this.#folded.set(folded(row.name), row);
    for (const row of rows.filter(anyStyle)) if (row.name.includes('_')) this.#joined.set(joined(row.name), row);
  }

  /** The entry whose name stands here, spelt exactly. */
  exact(bytes: Buffer, start: number, end: number): Entry<Row> | null {
    const entries = this.#byLength[end - start];
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

  /** The row that some reader may take a name for that is not spelt exactly. */
  mistakenFor(name: string): Row | null {
    const text = folded(name);
    return this.#folded.get(text) ?? this.#joined.get(joined(text)) ?? null;
  }
}

/**
 * Names that differ in case alone are the same to Go's encoding/json, among others. By Unicode's rules the long s and
 * the sign of Kelvin are an s and a k in another case, which `toLowerCase` alone does not say.
 */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function joined(name: string): string {
  return name.replaceAll(/[_-]/g, '');
}

/** What a name says once its escapes are read; undefined where they are no JSON. `start` is behind its quote. */
export function nameAt(bytes: Buffer, start: number, end: number): string | undefined {
  const text = bytes.toString('utf8', start, end);
  if (!isEscaped(bytes, start, end)) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}

function isEscaped(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
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
    const name = nameAt(bytes, start, end);
    if (name === undefined) return { kind: 'not_json', at: start - 1 };
    const meant = this.table.mistakenFor(name);
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
