import type { ValueReader } from '../request-scan/field-table.js';
import { TOOL_FIELDS, TOOL_KINDS, type ToolField } from './message-fields.js';
import { OPEN_BRACE, OPEN_BRACKET } from '../../json-scan/json-tokens.js';
import { isNull, isOneOf, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';

const NAMES = new NameTable<ToolField>(
  TOOL_FIELDS,
  () => true,
  () => false,
);
const KINDS = TOOL_KINDS.map((kind) => Buffer.from(`"${kind}"`));
/** The numbers of brackets around a tool, and around its values. */
const AROUND_TOOL = 2,
  AROUND_VALUE = 3;

/** Reads the tools of a chat body during the scan, to find whether the caller runs all of them. */
export class ToolsReader implements ValueReader<unknown> {
  functionsOnly = true;
  #index = -1;
  readonly #names = new ObjectNames(NAMES);
  #hasKind = false;

  /** Takes a name, without its quotes. Returns its fault or null. `depth` is the number of brackets around it. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    if (depth !== AROUND_VALUE) return null;
    const fault = this.#names.take(bytes, start, end);
    return fault && within(`tools[${this.#index}]`, fault);
  }

  /** Takes an opening bracket. */
  open(bytes: Buffer, at: number, depth: number): void {
    const isObject = bytes[at] === OPEN_BRACE;
    if (depth === AROUND_VALUE) this.#functionIf(this.#names.field?.holds === 'text');
    else if (depth === AROUND_TOOL) {
      this.#functionIf(isObject);
      this.#index += 1;
      this.#names.begin();
      this.#hasKind = false;
    } else if (depth === AROUND_TOOL - 1) this.#functionIf(bytes[at] === OPEN_BRACKET);
  }

  /** Takes a text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    if (depth === AROUND_VALUE) {
      const isKind = this.#names.field?.holds === 'kind';
      if (isKind) this.#hasKind = true;
      this.#functionIf(isKind ? isOneOf(KINDS, bytes, start, end) : this.#names.field !== null || isNull(bytes, start));
    } else if (depth === AROUND_TOOL) this.#functionIf(false);
    else if (depth < AROUND_TOOL) this.#functionIf(isNull(bytes, start));
  }

  /** Takes a closing bracket; `depth` is the number of brackets that are still open. */
  close(depth: number): void {
    if (depth === AROUND_TOOL) this.#functionIf(this.#hasKind);
  }

  end(): boolean {
    return this.functionsOnly;
  }

  #functionIf(condition: boolean): void {
    if (!condition) this.functionsOnly = false;
  }
}
