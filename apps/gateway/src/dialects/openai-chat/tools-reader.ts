import { accountIdNamed } from '../request-scan/account-ids.js';
import type { FieldReason, ValueReader } from '../request-scan/field-table.js';
import { TOOL_FIELDS, TOOL_KINDS, type ToolField } from './message-fields.js';
import { isEmptyAt, OPEN_BRACE, OPEN_BRACKET } from '../../json-scan/json-tokens.js';
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

/** What `ToolsReader` found in all tools. */
export interface ToolsSeen {
  /** Where something of the provider's account is named by its id; null if nothing is. */
  providerId: string | null;
}

/** Reads the tools of a chat body during the scan, to find whether the caller runs all of them. */
export class ToolsReader implements ValueReader<ToolsSeen> {
  functionsOnly = true;
  reason: FieldReason | null = null;
  /** The last name, if its value is an id of the provider's account. */
  #idName: string | null = null;
  #providerId: string | null = null;
  #index = -1;
  readonly #names = new ObjectNames(NAMES);
  #hasKind = false;

  /** Takes a name, without its quotes. Returns its fault or null. `depth` is the number of brackets around it. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    // In a field of a tool of the caller, names are the caller's own.
    const isOwn = depth > AROUND_VALUE && this.#names.field !== null;
    this.#idName = isOwn ? null : accountIdNamed(bytes, start, end);
    if (depth !== AROUND_VALUE) return null;
    const fault = this.#names.take(bytes, start, end);
    return fault && within(`tools[${this.#index}]`, fault);
  }

  /** True if a tool names a model. */
  get isElsewhere(): boolean {
    return this.reason !== null;
  }

  /** Takes an opening bracket. */
  open(bytes: Buffer, at: number, depth: number): void {
    const isObject = bytes[at] === OPEN_BRACE;
    // A container is an object that asks for a new one, or the id of one that is there.
    this.#noteId(!isEmptyAt(bytes, at) && (this.#idName !== 'container' || !isObject));
    if (depth === AROUND_VALUE) {
      const holds = this.#names.field?.holds;
      if (holds === 'model') this.#namesModel();
      this.#functionIf(holds === 'text');
    } else if (depth === AROUND_TOOL) {
      this.#functionIf(isObject);
      this.#index += 1;
      this.#names.begin();
      this.#hasKind = false;
    } else if (depth === AROUND_TOOL - 1) this.#functionIf(bytes[at] === OPEN_BRACKET);
  }

  /** Takes a text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    this.#noteId(!isNull(bytes, start));
    if (depth === AROUND_VALUE) {
      if (this.#names.field?.holds === 'model' && !isNull(bytes, start)) this.#namesModel();
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

  end(fields: ToolsSeen): boolean {
    fields.providerId ??= this.#providerId;
    return this.functionsOnly && !this.isElsewhere;
  }

  #noteId(isNamed: boolean): void {
    if (this.#idName !== null && isNamed) this.#providerId ??= `tools[${this.#index}].${this.#idName}`;
    this.#idName = null;
  }

  #namesModel(): void {
    const param = `tools[${this.#index}].model`;
    this.reason ??= { param, message: `${param} names a model that the request was not checked for.` };
  }

  #functionIf(condition: boolean): void {
    if (!condition) this.functionsOnly = false;
  }
}
