import type { Span } from '../../json-scan/json-tokens.js';
import { NameTable, type NameFault, type OddName } from '../../json-scan/name-table.js';
import type { RequestField } from './request-field.js';

/** A field that names another model, address or credential, whose cost has no bound, or that is unknown. */
export interface OtherField extends Span {
  readonly name: string;
  readonly use: 'elsewhere' | 'unbounded' | 'unknown';
  /** What is at fault in its value; absent if the field as a whole is. */
  readonly reason?: FieldReason;
}

/** A field that is cut out of the body, from the quote before its name to the end of its value. */
export interface OmittedField extends Span {
  readonly name: string;
}

/** What is at fault within a field. */
export interface FieldReason {
  /** The path of the faulty value, which begins with the name of the field. */
  readonly param: string;
  /** A sentence that says what is wrong with it, or what to set. */
  readonly message: string;
}

/** What the scan finds in a body of any dialect. A dialect adds a span for each field that it reads. */
export interface ScannedFields {
  /** The place after the opening brace, at which fields are inserted. */
  open: number;
  /**
   * Fields, unless their value is null, that may cost more or name another destination than the gateway can tell, in
   * the order of the body.
   */
  others: readonly OtherField[];
  /** Fields that no provider is sent, in the order of the body. */
  omitted: readonly OmittedField[];
}

/**
 * Reads the value of one top-level field during the scan. `depth` is the number of brackets around each token: 1 for
 * the value itself.
 */
export interface ValueReader<Fields> {
  /** Takes a name, without its quotes. Returns its fault or null. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null;
  /** Takes an opening bracket. */
  open(bytes: Buffer, at: number, depth: number): void;
  /** Takes a text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void;
  /** Takes a closing bracket before `end`; `depth` is the number of brackets that are still open. */
  close(depth: number, end: number): void;
  /** The value has ended. Stores the findings in the fields, and returns whether the cost of the value is bounded. */
  end(fields: Fields): boolean;
  /** If the cost is not bounded, what is at fault; absent or null if the field as a whole is. */
  readonly reason?: FieldReason | null;
  /** True if the value names another model, address or credential. */
  readonly isElsewhere?: boolean;
}

/** A field of a dialect's table, prepared for the scan. */
export interface ScannedField<Fields> extends RequestField {
  /** The property that gets its span; null for a field that the gateway does not read. */
  readonly place: keyof Fields | null;
  /** True if its value, or its mere presence, decides something. */
  readonly decides: boolean;
  /** A longer value is refused. */
  readonly bytesMax: number;
  readonly reader: (() => ValueReader<Fields>) | null;
}

/** The fields of a dialect, compiled for the scan. Each dialect makes it once. */
export interface FieldTable<Fields extends ScannedFields> {
  readonly names: NameTable<ScannedField<Fields>>;
  /** The most brackets around a token that a reader is told of. Deeper values are checked for their grammar only. */
  readonly readDepth: number;
  /** The result for a body in which nothing was found yet. */
  empty(): Fields;
}

/** The description of a dialect's fields that `fieldTable` compiles. */
export interface FieldPlan<Fields extends ScannedFields> {
  readonly rows: readonly RequestField[];
  /** The property that gets the span of each field that is read, by the name of the field. */
  readonly places: Readonly<Record<string, keyof Fields>>;
  /** Makes the reader for the value of a field, by the name of the field. */
  readonly readers: Readonly<Record<string, () => ValueReader<Fields>>>;
  /** As `FieldTable.readDepth`. */
  readonly readDepth: number;
  empty(): Fields;
}

/** Why a body is refused. `at` is the byte at which the fault was noticed. */
export type ScanFault =
  | { readonly kind: OddName; readonly at: number }
  | { readonly kind: 'not_object' }
  /** A known name is repeated or spelt in another way: two readers could understand two different things. */
  | { readonly kind: 'ambiguous'; readonly field: string }
  /** A value that is too long to be meant: reading it would cost more than the request. */
  | { readonly kind: 'too_long'; readonly field: string }
  /** A name that is longer than that of any field. */
  | { readonly kind: 'long_name' }
  /** More than `OTHERS_MAX` unknown fields. */
  | { readonly kind: 'many_unknown' };

/** The longest value of a field that is parsed, in bytes. */
export const VALUE_BYTES_MAX = 512;
/** The 200 characters of a model may be written as escapes. */
const MODEL_BYTES_MAX = 2_048;
/** The empty list of fields that are not read. */
export const NO_OTHERS: readonly OtherField[] = [];
/** The empty list of fields that are cut out. */
export const NO_OMITTED: readonly OmittedField[] = [];

/** Compiles the description of a dialect's fields. */
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
  return { names, readDepth: plan.readDepth, empty: () => plan.empty() };
}
