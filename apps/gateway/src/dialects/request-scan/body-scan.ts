import { hasControlCharacter } from '../../json-scan/control-characters.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  NATIVE_AFTER,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipScalar,
  skipString,
  type Span,
} from '../../json-scan/json-tokens.js';
import { isNull, nameAt } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import {
  VALUE_BYTES_MAX,
  type FieldTable,
  type OtherField,
  type ScanFault,
  type ScannedField,
  type ScannedFields,
  type ValueReader,
} from './field-table.js';
import { leadsElsewhere } from './leads-elsewhere.js';
import type { RequestField } from './request-field.js';

/**
 * Bodies are read in steps of this many bytes, some 2 ms at worst, so that a large one does not delay other requests.
 */
export const STEP_BYTES = 256 * 1024;
/** No request that is meant is nested deeper, and readers of JSON by recursion can be ended by one that is. */
export const BODY_DEPTH_MAX = 64;
const NAME_BYTES_MAX = 1_024;
/**
 * The most fields that may be missing in the dialect's table. Each name is looked at, to find where it may send a call.
 */
export const OTHERS_MAX = 1_000;

/** What the next byte that is no white space must begin. */
const VALUE = 0,
  VALUE_OR_CLOSE = 1,
  NAME = 2,
  NAME_OR_CLOSE = 3,
  AT_COLON = 4,
  AFTER = 5;
/** Instead of the end of a text: the text is invalid or never ends, or it does not end within this step. */
const BROKEN = -1,
  PAUSED = -2;
/**
 * Finds the top-level fields of a body without building it, and calls the dialect's readers for nested values on the
 * way. The grammar is checked to the last bracket. A string must end and have no raw control character; its escapes and
 * its UTF-8 are passed on unchecked. A name that decides something must be spelt exactly and be given once: some
 * readers ignore case, and some take the first of two equal names.
 */
export function scanBody<Fields extends ScannedFields>(bytes: Buffer, table: FieldTable<Fields>): Fields | ScanFault {
  const scan = new BodyScan(bytes, table);
  scan.run(bytes.length);
  return scan.outcome ?? UNFINISHED;
}

/** Scans in steps, with a turn of the event loop between them. */
export async function scanBodyInSteps<Fields extends ScannedFields>(
  bytes: Buffer,
  table: FieldTable<Fields>,
  nextTurn: () => Promise<void>,
): Promise<Fields | ScanFault> {
  const scan = new BodyScan(bytes, table);
  while (!scan.run(scan.at + STEP_BYTES)) await nextTurn();
  return scan.outcome ?? UNFINISHED;
}

/** A scan that has read all bytes always has an outcome. If it did not, the body would be refused. */
const UNFINISHED: ScanFault = { kind: 'not_json', at: 0 };

/** A scan that can pause between steps. */
export class BodyScan<Fields extends ScannedFields> {
  /** The next byte to read. */
  at = 0;
  outcome: Fields | ScanFault | null = null;

  readonly #closers: number[] = [];
  readonly #found: Fields;
  #state = VALUE;
  /** The text that is being read: the place of its opening quote, and whether it is a name. */
  #textStart = 0;
  #textIsName = false;
  #textPaused = false;
  /** The place from which the text is still to be searched for control characters. */
  #textUnchecked = 0;
  /**
   * The top-level field whose value is being read: its row, or null if it has none, and the place of its name and
   * value.
   */
  #row: ScannedField<Fields> | null = null;
  #nameStart = 0;
  #nameEnd = 0;
  #valueStart = 0;
  #reader: ValueReader<Fields> | null = null;
  #isObject = false;
  #unknown = 0;
  readonly #others: OtherField[] = [];
  /** Fields that were seen, apart from those whose span is stored. */
  #seen: Set<ScannedField<Fields>> | null = null;

  constructor(
    readonly bytes: Buffer,
    private readonly table: FieldTable<Fields>,
  ) {
    this.#found = table.empty();
  }

  /** Reads on to `limit`, or a few bytes further. Returns true when `outcome` is set. */
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
      let byte = bytes[at];
      while ((byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) && at < end) byte = bytes[++at];
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
        // A value begins here.
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
        if (closers.length === BODY_DEPTH_MAX) return this.#end({ kind: 'not_json', at });
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

  /**
   * Reads a text from the byte after its opening quote. Returns the byte after its closing one, or `BROKEN`, or
   * `PAUSED`.
   */
  #text(window: Buffer, from: number): number {
    const { bytes } = this;
    const near = Math.min(from + NATIVE_AFTER, bytes.length);
    let at = from;
    while (at < near) {
      let byte = bytes[at] ?? 0;
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) byte = bytes[++at] ?? 0;
      // No escape contains a raw control character, so none may follow a backslash either.
      if (byte < 0x20) return BROKEN;
      at++;
    }
    return this.#restOfText(window, at, at);
  }

  /** Reads the rest of a text with a native search. Looks for control characters from `unchecked` on. */
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

  /** Handles a text that ends before `end`. Returns false if that ends the scan. */
  #takeText(end: number): boolean {
    if (!this.#textIsName) return this.#takeScalar(this.#textStart, end);
    const depth = this.#closers.length;
    if (depth === 1 && this.#isObject) return this.#nameField(this.#textStart + 1, end - 1);
    if (this.#reader === null || depth > this.table.readDepth) return true;
    if (end - this.#textStart > NAME_BYTES_MAX) return this.#fail({ kind: 'long_name' });
    const fault = this.#reader.name(this.bytes, this.#textStart + 1, end - 1, depth);
    return fault === null || this.#fail(fault);
  }

  /** Handles the name of a top-level field. Returns false if that ends the scan. */
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

  /** Whether a field that decides something is given for the second time. */
  #isRepeated(row: ScannedField<Fields>): boolean {
    if (row.place !== null) return this.#found[row.place] !== null;
    if (!row.decides) return false;
    if (this.#seen === null) this.#seen = new Set();
    return this.#seen.size === this.#seen.add(row).size;
  }

  #takeScalar(start: number, end: number): boolean {
    const depth = this.#closers.length;
    if (depth === 1) this.#valueStart = start;
    if (this.#reader !== null && depth <= this.table.readDepth) this.#reader.scalar(this.bytes, start, end, depth);
    return depth !== 1 || this.#takeField(end);
  }

  #open(at: number): void {
    const depth = this.#closers.length;
    if (depth === 0) {
      this.#isObject = this.bytes[at] === OPEN_BRACE;
      this.#found.open = at + 1;
    } else if (depth === 1) this.#valueStart = at;
    if (this.#reader !== null && depth <= this.table.readDepth) this.#reader.open(this.bytes, at, depth);
  }

  /** Handles a closing bracket before `end`. Returns false if that ends the scan. */
  #close(end: number): boolean {
    this.#closers.pop();
    const depth = this.#closers.length;
    if (this.#reader !== null && depth <= this.table.readDepth) this.#reader.close(depth, end);
    return depth !== 1 || this.#takeField(end);
  }

  /** Handles the end of a top-level field's value. Returns false if that ends the scan. */
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
   * Remembers a field that is not read, unless it is null or its cost is bounded. Returns false if that ends the scan.
   */
  #takeOther(row: ScannedField<Fields> | null, span: Span): boolean {
    const { bytes } = this;
    const { start, end } = span;
    if (row?.use === 'omitted') {
      this.#found.omitted = [...this.#found.omitted, { start: this.#nameStart - 1, end, name: row.name }];
      return true;
    }
    if (isNull(bytes, start)) return true;
    if (this.#reader !== null && this.#reader.end(this.#found)) return true;
    if (row?.isBounded !== undefined && end - start <= VALUE_BYTES_MAX && row.isBounded(valueAt(bytes, span)))
      return true;
    if (row === null && ++this.#unknown > OTHERS_MAX) return this.#fail({ kind: 'many_unknown' });
    const name = row?.name ?? nameAt(bytes, this.#nameStart, this.#nameEnd);
    const use = this.#reader?.isElsewhere === true ? 'elsewhere' : useOf(row, name);
    const reason = this.#reader?.reason ?? null;
    this.#others.push(reason === null ? { ...span, name, use } : { ...span, name, use, reason });
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
