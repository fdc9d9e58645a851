import { hasControlCharacter } from '../../json-scan/control-characters.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DEPTH_MAX,
  NATIVE_AFTER,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipScalar,
  skipString,
  type Span,
} from '../../json-scan/json-tokens.js';
import { isNull, nameAt, NameTable, type NameFault, type OddName } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import { leadsElsewhere } from './leads-elsewhere.js';
import type { RequestField } from './request-field.js';

/** A field that names another model, address or credential; one whose cost has no bound; one that nobody knows. */
export interface OtherField extends Span {
  readonly name: string;
  readonly use: 'elsewhere' | 'unbounded' | 'unknown';
}

/** What the scan finds in the body of any dialect; a dialect adds a span for each field that it reads. */
export interface ScannedFields {
  /** The byte after the opening brace: where fields are put in. */
  open: number;
  /**
   * Fields that may cost more or lead elsewhere than the gateway can tell, and are not null; in the order of the body.
   */
  others: readonly OtherField[];
}

/**
 * Looks at the value of one top-level field while it is scanned. `depth` is the number of brackets around what is
 * there: 1 for the value itself.
 */
export interface ValueReader<Fields> {
  /** A name, between its quotes; what is wrong with it, or null. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null;
  /** A bracket opens here. */
  open(bytes: Buffer, at: number, depth: number): void;
  /** A text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void;
  /** A bracket has closed. */
  close(depth: number): void;
  /** The value has ended: puts what was seen into the fields, and says whether its cost is bounded. */
  end(fields: Fields): boolean;
}

/** How one field of a dialect's table is scanned. */
interface ScannedField<Fields> extends RequestField {
  /** Where its span is put; null for a field that is not read. */
  readonly place: keyof Fields | null;
  /** Its value, or that it is there at all, decides something. */
  readonly decides: boolean;
  /** The longest value that is parsed. */
  readonly bytesMax: number;
  readonly reader: (() => ValueReader<Fields>) | null;
}

/** The fields of a dialect, as the scan finds them. Made once for a dialect. */
export interface FieldTable<Fields extends ScannedFields> {
  readonly names: NameTable<ScannedField<Fields>>;
  /** Of a body in which nothing was found yet. */
  empty(): Fields;
}

/** What a dialect says of its fields besides their use. */
export interface FieldPlan<Fields extends ScannedFields> {
  readonly rows: readonly RequestField[];
  /** Where the spans of the fields that are read are put. */
  readonly places: Readonly<Record<string, keyof Fields>>;
  /** What looks at values that nest. */
  readonly readers: Readonly<Record<string, () => ValueReader<Fields>>>;
  empty(): Fields;
}

export type ScanFault =
  | { readonly kind: OddName; readonly at: number }
  | { readonly kind: 'not_object' }
  /** A name of ours given twice, or in another spelling: two readers could understand two different things. */
  | { readonly kind: 'ambiguous'; readonly field: string }
  /** A value that no caller means: reading it would cost more than the request. */
  | { readonly kind: 'too_long'; readonly field: string }
  /** A name that no field has. */
  | { readonly kind: 'long_name' }
  /** More fields than `OTHERS_MAX` that nobody knows. */
  | { readonly kind: 'many_unknown' };

/** Bodies are read in steps of so many bytes, so that a large one does not hold up the others: some 2 ms at worst. */
export const STEP_BYTES = 256 * 1024;
/** The longest value of a field that is parsed; 200 characters of a model may be spelt as escapes. */
const VALUE_BYTES_MAX = 512,
  MODEL_BYTES_MAX = 2_048;
const NAME_BYTES_MAX = 1_024;
/** Fields that are not in the dialect's table: what they are called decides where a call may go. */
export const OTHERS_MAX = 1_000;

/** Compiles what a dialect says of its fields. */
export function fieldTable<Fields extends ScannedFields>(plan: FieldPlan<Fields>): FieldTable<Fields> {
  const rows = plan.rows.map((row): ScannedField<Fields> => ({
    ...row,
    place: plan.places[row.name] ?? null,
    decides:
      (row.use !== 'free' && row.use !== 'bounded') ||
      row.isBounded !== undefined ||
      Object.hasOwn(plan.readers, row.name),
    bytesMax: row.name === 'model' ? MODEL_BYTES_MAX : VALUE_BYTES_MAX,
    reader: plan.readers[row.name] ?? null,
  }));
  const names = new NameTable(
    rows,
    (row) => row.decides,
    (row) => row.decides && row.use !== 'unbounded',
  );
  return { names, empty: () => plan.empty() };
}

/** What stands at the next byte that is no white space. */
const VALUE = 0,
  VALUE_OR_CLOSE = 1,
  NAME = 2,
  NAME_OR_CLOSE = 3,
  AT_COLON = 4,
  AFTER = 5;
/** What a text has come to that has no end yet: it has none in the body, or none before the end of this step. */
const BROKEN = -1,
  PAUSED = -2;
export const NO_OTHERS: readonly OtherField[] = [];
/** Deeper than this nothing is looked at but its grammar: the values of a part. */
const READ_DEPTH = 5;

/**
 * Finds the top-level fields of a body without building it, and lets a dialect's readers look at nested values on the
 * way. The grammar is checked to the last bracket; of strings it is checked that they end and hold no raw control
 * character, while their escapes and their UTF-8 go upstream as they came. A name that decides something must be spelt
 * exactly, and stand once: some readers pass over case, and of two names some take the first.
 */
export function scanBody<Fields extends ScannedFields>(bytes: Buffer, table: FieldTable<Fields>): Fields | ScanFault {
  const scan = new BodyScan(bytes, table);
  scan.run(bytes.length);
  return scan.outcome ?? UNFINISHED;
}

/** The same in steps, with a turn of the event loop between them. */
export async function scanBodyInSteps<Fields extends ScannedFields>(
  bytes: Buffer,
  table: FieldTable<Fields>,
  nextTurn: () => Promise<void>,
): Promise<Fields | ScanFault> {
  const scan = new BodyScan(bytes, table);
  while (!scan.run(scan.at + STEP_BYTES)) await nextTurn();
  return scan.outcome ?? UNFINISHED;
}

/** A scan to the end of the bytes always has an outcome; without one the body is refused. */
const UNFINISHED: ScanFault = { kind: 'not_json', at: 0 };

/** A scan that can be left and gone on with. */
export class BodyScan<Fields extends ScannedFields> {
  /** How far it has come. */
  at = 0;
  outcome: Fields | ScanFault | null = null;

  readonly #closers: number[] = [];
  readonly #found: Fields;
  #state = VALUE;
  /** Where the text began that is being read, at its quote, and whether it is a name. */
  #textStart = 0;
  #textIsName = false;
  #textPaused = false;
  /** From here on its control characters are still to be looked for. */
  #textUnchecked = 0;
  /** The top-level field whose value is being read: its row, where it has one, and where its name and value stand. */
  #row: ScannedField<Fields> | null = null;
  #nameStart = 0;
  #nameEnd = 0;
  #valueStart = 0;
  #reader: ValueReader<Fields> | null = null;
  #isObject = false;
  #unknown = 0;
  readonly #others: OtherField[] = [];
  /** Those besides the fields that are read. */
  #seen: Set<ScannedField<Fields>> | null = null;

  constructor(
    readonly bytes: Buffer,
    private readonly table: FieldTable<Fields>,
  ) {
    this.#found = table.empty();
  }

  /** Goes on to `limit`, or a few bytes further; true when `outcome` is there. */
  run(limit: number): boolean {
    const { bytes } = this;
    const closers = this.#closers;
    const isLast = limit >= bytes.length;
    const end = isLast ? bytes.length : limit;
    const window = isLast ? bytes : bytes.subarray(0, end);
    let at = this.at;
    let state = this.#state;
    if (this.#textPaused) {
      this.#textPaused = false;
      at = this.#restOfText(window, at, this.#textUnchecked);
      if (at === PAUSED) return false;
      if (at === BROKEN || !this.#takeText(at))
        return this.#end(this.outcome ?? { kind: 'not_json', at: this.#textStart });
      state = this.#textIsName ? AT_COLON : AFTER;
    }
    for (;;) {
      let byte = bytes[at]!;
      while ((byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) && at < end) byte = bytes[++at]!;
      if (at >= end) {
        this.at = at;
        this.#state = state;
        if (!isLast) return false;
        return this.#end(state === AFTER && closers.length === 0 ? this.#finished() : { kind: 'not_json', at });
      }
      switch (state) {
        case AFTER: {
          const depth = closers.length;
          if (depth > 0 && byte === closers[depth - 1]) {
            at += 1;
            if (!this.#close(at)) return true;
          } else if (depth > 0 && byte === COMMA) {
            at += 1;
            state = closers[depth - 1] === CLOSE_BRACE ? NAME : VALUE;
          } else return this.#end({ kind: 'not_json', at });
          continue;
        }
        case AT_COLON:
          if (byte !== COLON) return this.#end({ kind: 'not_json', at });
          at += 1;
          state = VALUE;
          continue;
        case VALUE_OR_CLOSE:
          if (byte === CLOSE_BRACKET) {
            at += 1;
            if (!this.#close(at)) return true;
            state = AFTER;
            continue;
          }
          break;
        case NAME_OR_CLOSE:
          if (byte === CLOSE_BRACE) {
            at += 1;
            if (!this.#close(at)) return true;
            state = AFTER;
            continue;
          }
          if (byte !== QUOTE) return this.#end({ kind: 'not_json', at });
          break;
        case NAME:
          if (byte !== QUOTE) return this.#end({ kind: 'not_json', at });
          break;
        default:
        // A value.
      }
      if (byte === QUOTE) {
        this.#textStart = at;
        this.#textIsName = state === NAME || state === NAME_OR_CLOSE;
        const textEnd = isLast ? skipString(bytes, at + 1) : this.#text(window, at + 1);
        if (textEnd === PAUSED) return false;
        if (textEnd === BROKEN || !this.#takeText(textEnd)) return this.#end(this.outcome ?? { kind: 'not_json', at });
        at = textEnd;
        if (!this.#textIsName) state = AFTER;
        else if (bytes[at] !== COLON) state = AT_COLON;
        else {
          at += 1;
          state = VALUE;
        }
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (closers.length === DEPTH_MAX) return this.#end({ kind: 'not_json', at });
        this.#open(at);
        closers.push(byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
        state = byte === OPEN_BRACE ? NAME_OR_CLOSE : VALUE_OR_CLOSE;
        at += 1;
      } else {
        const scalarEnd = skipScalar(bytes, at);
        if (scalarEnd < 0) return this.#end({ kind: 'not_json', at });
        if (!this.#takeScalar(at, scalarEnd)) return true;
        at = scalarEnd;
        state = AFTER;
      }
    }
  }

  /** From the byte after the opening quote of a text to the byte after its closing one, or `BROKEN`, or `PAUSED`. */
  #text(window: Buffer, from: number): number {
    const { bytes } = this;
    const near = Math.min(from + NATIVE_AFTER, bytes.length);
    let at = from;
    while (at < near) {
      let byte = bytes[at]!;
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) byte = bytes[++at]!;
      // An escape never makes a control character of one, so none may stand behind a backslash either.
      if (byte < 0x20) return BROKEN;
      at++;
    }
    return this.#restOfText(window, at, at);
  }

  /** The same from within the text, with a native search; control characters are looked for from `unchecked` on. */
  #restOfText(window: Buffer, from: number, unchecked: number): number {
    const { bytes } = this;
    let at = from;
    for (;;) {
      const found = at < window.length ? window.indexOf(QUOTE, at) : -1;
      if (found < 0 && window.length === bytes.length) return BROKEN;
      const end = found < 0 ? Math.max(at, window.length) : found;
      let slash = end - 1;
      while (slash >= at && bytes[slash] === BACKSLASH) slash--;
      const isEscaped = (end - 1 - slash) % 2 === 1;
      if (found >= 0 && !isEscaped) return hasControlCharacter(bytes, unchecked, end) ? BROKEN : end + 1;
      if (found < 0) {
        if (hasControlCharacter(bytes, Math.min(unchecked, end), end)) return BROKEN;
        this.at = isEscaped ? end + 1 : end;
        this.#textUnchecked = end;
        this.#textPaused = true;
        return PAUSED;
      }
      at = end + 1;
    }
  }

  /** A text has ended before `end`; false where that ends the scan. */
  #takeText(end: number): boolean {
    if (!this.#textIsName) return this.#takeScalar(this.#textStart, end);
    const depth = this.#closers.length;
    if (depth === 1 && this.#isObject) return this.#nameField(this.#textStart + 1, end - 1);
    if (this.#reader === null || depth > READ_DEPTH) return true;
    if (end - this.#textStart > NAME_BYTES_MAX) return this.#fail({ kind: 'long_name' });
    const fault = this.#reader.name(this.bytes, this.#textStart + 1, end - 1, depth);
    return fault === null || this.#fail(fault);
  }

  /** The name of a top-level field. */
  #nameField(start: number, end: number): boolean {
    const { bytes } = this;
    const row = this.table.names.exact(bytes, start, end)?.row ?? null;
    this.#row = row;
    this.#nameStart = start;
    this.#nameEnd = end;
    this.#reader = null;
    if (row !== null) {
      if (row.reader !== null) this.#reader = row.reader();
      return !this.#isRepeated(row) || this.#fail({ kind: 'ambiguous', field: row.name });
    }
    if (end - start > NAME_BYTES_MAX) return this.#fail({ kind: 'long_name' });
    const meant = this.table.names.mistakenFor(bytes, start, end);
    if (typeof meant === 'string') return this.#fail({ kind: meant, at: start - 1 });
    return meant === null || this.#fail({ kind: 'ambiguous', field: meant.name });
  }

  /** Whether a field that decides something is there for the second time. */
  #isRepeated(row: ScannedField<Fields>): boolean {
    if (row.place !== null) return this.#found[row.place] !== null;
    if (!row.decides) return false;
    if (this.#seen === null) this.#seen = new Set();
    return this.#seen.size === this.#seen.add(row).size;
  }

  #takeScalar(start: number, end: number): boolean {
    const depth = this.#closers.length;
    if (depth === 1) this.#valueStart = start;
    if (this.#reader !== null && depth <= READ_DEPTH) this.#reader.scalar(this.bytes, start, end, depth);
    return depth !== 1 || this.#takeField(end);
  }

  #open(at: number): void {
    const depth = this.#closers.length;
    if (depth === 0) {
      this.#isObject = this.bytes[at] === OPEN_BRACE;
      this.#found.open = at + 1;
    } else if (depth === 1) this.#valueStart = at;
    if (this.#reader !== null && depth <= READ_DEPTH) this.#reader.open(this.bytes, at, depth);
  }

  /** A bracket has closed before `end`; false where that ends the scan. */
  #close(end: number): boolean {
    this.#closers.pop();
    const depth = this.#closers.length;
    if (this.#reader !== null && depth <= READ_DEPTH) this.#reader.close(depth);
    return depth !== 1 || this.#takeField(end);
  }

  /** The value of a top-level field has ended before `end`; false where that ends the scan. */
  #takeField(end: number): boolean {
    const row = this.#row;
    if (!this.#isObject || (row !== null && !row.decides)) return true;
    const span = { start: this.#valueStart, end };
    if (row === null || row.place === null) return this.#takeOther(row, span);
    (this.#found as Record<keyof Fields, unknown>)[row.place] = span;
    if (this.#reader !== null) {
      this.#reader.end(this.#found);
      return true;
    }
    return end - span.start <= row.bytesMax || this.#fail({ kind: 'too_long', field: row.name });
  }

  /**
   * Keeps in mind a field that asks for something, unless it is null or what it asks for is bounded; false where that
   * ends the scan.
   */
  #takeOther(row: ScannedField<Fields> | null, span: Span): boolean {
    const { bytes } = this;
    const { start, end } = span;
    if (isNull(bytes, start)) return true;
    if (this.#reader !== null && this.#reader.end(this.#found)) return true;
    if (row?.isBounded !== undefined && end - start <= VALUE_BYTES_MAX && row.isBounded(valueAt(bytes, span)))
      return true;
    if (row === null && ++this.#unknown > OTHERS_MAX) return this.#fail({ kind: 'many_unknown' });
    const name = row?.name ?? nameAt(bytes, this.#nameStart, this.#nameEnd);
    this.#others.push({ ...span, name, use: useOf(row, name) });
    this.#found.others = this.#others;
    return true;
  }

  #finished(): Fields | ScanFault {
    return this.#isObject ? this.#found : { kind: 'not_object' };
  }

  #fail(fault: ScanFault): false {
    this.outcome = fault;
    return false;
  }

  #end(outcome: Fields | ScanFault): true {
    this.outcome = outcome;
    return true;
  }
}

function useOf(row: RequestField | null, name: string): OtherField['use'] {
  if (row === null) return leadsElsewhere(name) ? 'elsewhere' : 'unknown';
  return row.use === 'elsewhere' ? 'elsewhere' : 'unbounded';
}
