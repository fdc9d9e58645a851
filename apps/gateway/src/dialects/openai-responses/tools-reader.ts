import { isEmptyAt, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../../json-scan/json-tokens.js';
import { isNull, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import { ACCOUNT_ID_NAMES } from '../request-scan/account-ids.js';
import type { ValueReader } from '../request-scan/field-table.js';
import { CALLERS_TOOLS, TOOL_FIELDS } from './item-fields.js';

const NAMES = new NameTable(
  TOOL_FIELDS.map((name) => ({ name })),
  ({ name }) => name === 'type' || name === 'tools',
  () => false,
);
/** Names in the objects of a tool that decide something: ids of the account, and types of tools in a namespace. */
const TYPE_NAME = new NameTable(
  [{ name: 'type' }],
  () => true,
  () => false,
);
/** The numbers of brackets around the tools, one tool, its values, and the values of an object or a list in it. */
const AROUND_TOOLS = 1,
  AROUND_TOOL = 2,
  AROUND_VALUE = 3,
  AROUND_NESTED_VALUE = 5;
/** Values of a tool in which a name is one of the caller's own. */
const SCHEMAS: ReadonlySet<string> = new Set(['parameters', 'format', 'output_schema', 'name', 'description']);
/** More different tools are not told apart. */
const TYPES_MAX = 32;
const TYPE_BYTES_MAX = 64;
const TYPE = /^[a-z][a-z0-9_]*$/;

/** What `ToolsReader` found in all tools. */
export interface ToolsSeen {
  /** The types of the tools that the provider runs. */
  providerTools: readonly string[];
  /** Where a tool names something of the provider's account by its id; null if none does. */
  toolId: string | null;
}

/** Reads the tools of a Responses body during the scan, to find those that the provider runs. */
export class ToolsReader implements ValueReader<ToolsSeen> {
  readonly #names = new ObjectNames(NAMES);
  readonly #types = new Set<string>();
  #index = -1;
  /** The name of the value of a tool that is being read. */
  #field = '';
  #type: string | null = null;
  #isKnown = true;
  #runsElsewhere = false;
  #idName: string | null = null;
  #isNestedType = false;
  #toolId: string | null = null;

  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    this.#idName = null;
    this.#isNestedType = false;
    if (depth < AROUND_VALUE) return null;
    if (depth === AROUND_VALUE) {
      const fault = this.#names.take(bytes, start, end);
      if (fault !== null) return within(`tools[${this.#index}]`, fault);
      this.#field = this.#names.field?.name ?? '';
    } else if (SCHEMAS.has(this.#field)) return null;
    if (depth === AROUND_NESTED_VALUE && this.#field === 'tools') {
      const fault = typeFault(bytes, start, end);
      if (fault !== null) return within(`tools[${this.#index}].tools[]`, fault);
      this.#isNestedType = TYPE_NAME.exact(bytes, start, end) !== null;
    }
    this.#idName = ACCOUNT_ID_NAMES.exact(bytes, start, end)?.row.name ?? misspelt(bytes, start, end);
    return null;
  }

  open(bytes: Buffer, at: number, depth: number): void {
    const isObject = bytes[at] === OPEN_BRACE;
    // A container is an object that asks for a new one, or the id of one that is there.
    if (this.#idName !== null && !isEmptyAt(bytes, at) && (this.#idName !== 'container' || !isObject)) this.#noteId();
    if (depth === AROUND_TOOLS) this.#knownIf(bytes[at] === OPEN_BRACKET);
    else if (depth === AROUND_TOOL) {
      this.#index += 1;
      this.#names.begin();
      this.#field = '';
      this.#type = null;
      this.#runsElsewhere = false;
      this.#knownIf(isObject);
    } else if (depth === AROUND_VALUE) this.#callersIf(this.#names.field !== null);
  }

  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    if (this.#idName !== null && !isNull(bytes, start)) this.#noteId();
    if (this.#isNestedType) this.#callersIf(CALLERS_TOOLS.has(typeAt(bytes, start, end) ?? ''));
    if (depth <= AROUND_TOOL) this.#knownIf(depth < AROUND_TOOL && isNull(bytes, start));
    else if (depth === AROUND_VALUE) {
      if (this.#names.field?.name === 'type') this.#type = typeAt(bytes, start, end);
      else this.#callersIf(this.#names.field !== null || isNull(bytes, start));
    }
  }

  close(depth: number): void {
    if (depth !== AROUND_TOOL) return;
    const type = this.#type ?? '';
    if (!TYPE.test(type)) this.#isKnown = false;
    else if ((!CALLERS_TOOLS.has(type) || this.#runsElsewhere) && this.#types.size < TYPES_MAX) this.#types.add(type);
  }

  end(fields: ToolsSeen): boolean {
    fields.providerTools = [...this.#types];
    fields.toolId = this.#toolId;
    return this.#isKnown;
  }

  #noteId(): void {
    const place = this.#field === '' || this.#field === this.#idName ? '' : `${this.#field}.`;
    this.#toolId ??= `tools[${this.#index}].${place}${this.#idName}`;
    this.#idName = null;
  }

  /** A tool of the caller's with a field that nobody knows may be run by the provider. */
  #callersIf(condition: boolean): void {
    if (!condition) this.#runsElsewhere = true;
  }

  #knownIf(condition: boolean): void {
    if (!condition) this.#isKnown = false;
  }
}

function typeAt(bytes: Buffer, start: number, end: number): string | null {
  if (bytes[start] !== QUOTE || end - start > TYPE_BYTES_MAX) return null;
  const type = valueAt(bytes, { start, end });
  return typeof type === 'string' ? type : null;
}

function typeFault(bytes: Buffer, start: number, end: number): NameFault | null {
  if (TYPE_NAME.exact(bytes, start, end) !== null) return null;
  const meant = TYPE_NAME.mistakenFor(bytes, start, end);
  if (meant === null) return null;
  return typeof meant === 'string' ? { kind: meant, at: start - 1 } : { kind: 'ambiguous', field: meant.name };
}

/** The id that some reader may take a name for, although it is spelt in another way. */
function misspelt(bytes: Buffer, start: number, end: number): string | null {
  const meant = ACCOUNT_ID_NAMES.mistakenFor(bytes, start, end);
  return meant === null || typeof meant === 'string' ? null : meant.name;
}
