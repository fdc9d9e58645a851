import { QUOTE } from '../../json-scan/json-tokens.js';
import { isNull, isOneOf, NameTable, ObjectNames, type NameFault } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import { CALLERS_TOOLS, TOOL_FIELDS } from './item-fields.js';

/** The fields of a tool that say where it runs. A container is always one of the provider's. */
const PLACES: ReadonlySet<string> = new Set(['container', 'environment']);
/** The fields whose names must be spelt exactly, since they decide who runs the tool, or what it costs. */
const DECIDING: ReadonlySet<string> = new Set(['type', 'tools', 'model', 'execution', ...PLACES]);
const NAMES = new NameTable(
  TOOL_FIELDS.map((name) => ({ name })),
  ({ name }) => DECIDING.has(name),
  () => false,
);
/** The fields of such a place that decide who runs the tool, or what a call of it costs. */
const PLACE_NAMES = new NameTable(
  [{ name: 'type' }, { name: 'memory_limit' }, { name: 'model' }],
  () => true,
  () => false,
);
const LOCAL = [Buffer.from('"local"')],
  CLIENT = [Buffer.from('"client"')];
/** The size of a container whose fee prices name, the usual one at OpenAI. Larger ones cost up to 64 times as much. */
const USUAL_MEMORY = [Buffer.from('"1g"')];
const TYPE_BYTES_MAX = 64;

/** A tool of Responses that is being read: one of the list, or one among the tools of another. */
export class OpenTool {
  readonly #names = new ObjectNames(NAMES);
  readonly #placeNames = new ObjectNames(PLACE_NAMES);
  #isLocal = false;
  #isSearchedByClient = false;
  /** The name of the value that is being read; empty if it is not known. */
  field = '';
  type: string | null = null;
  /** True if it has something by which the provider may run it. */
  runsElsewhere = false;

  /** Call it at the beginning of a tool. Tools are used again. */
  begin(): void {
    this.#names.begin();
    this.field = '';
    this.type = null;
    this.runsElsewhere = false;
    this.#isLocal = false;
    this.#isSearchedByClient = false;
  }

  /** Whether the caller runs it: a shell if it says so of its environment, a search for tools if it says `client`. */
  get isCallers(): boolean {
    if (this.runsElsewhere) return false;
    if (this.type === 'shell') return this.#isLocal;
    return this.type === 'tool_search' ? this.#isSearchedByClient : CALLERS_TOOLS.has(this.type ?? '');
  }

  /** Whether the value that is being read says where the tool runs. */
  get isPlace(): boolean {
    return PLACES.has(this.field);
  }

  /** Takes the name of a value. */
  name(bytes: Buffer, start: number, end: number): NameFault | null {
    const fault = this.#names.take(bytes, start, end);
    this.field = this.#names.field?.name ?? '';
    return fault;
  }

  /** Takes the bracket that opens a value. */
  open(isObject: boolean): void {
    const { field } = this;
    if (field === '' || field === 'container' || (field === 'tools' && isObject)) this.runsElsewhere = true;
    if (this.isPlace) this.#placeNames.begin();
  }

  /** Takes a value that is no list and no object. */
  scalar(bytes: Buffer, start: number, end: number): void {
    switch (this.field) {
      case 'type':
        this.type = typeAt(bytes, start, end);
        return;
      case 'execution':
        this.#isSearchedByClient = isOneOf(CLIENT, bytes, start, end);
        return;
      case '':
      case 'container':
        if (!isNull(bytes, start)) this.runsElsewhere = true;
        return;
      default:
    }
  }

  /** Takes a name within the place where the tool runs. */
  nameInPlace(bytes: Buffer, start: number, end: number): NameFault | null {
    return this.#placeNames.take(bytes, start, end);
  }

  /** Whether the last name within the place was that of a model. */
  get isModelOfPlace(): boolean {
    return this.#placeNames.field?.name === 'model';
  }

  /**
   * Takes a value within the place; `end` is -1 for a list or an object. Returns true if it asks for more than what the
   * price of a call pays for.
   */
  valueInPlace(bytes: Buffer, start: number, end: number): boolean {
    const name = this.#placeNames.field?.name;
    if (name === 'type' && this.field === 'environment')
      this.#isLocal = end !== -1 && isOneOf(LOCAL, bytes, start, end);
    return (
      name === 'memory_limit' && !isNull(bytes, start) && !(end !== -1 && isOneOf(USUAL_MEMORY, bytes, start, end))
    );
  }
}

function typeAt(bytes: Buffer, start: number, end: number): string | null {
  if (bytes[start] !== QUOTE || end - start > TYPE_BYTES_MAX) return null;
  const type = valueAt(bytes, { start, end });
  return typeof type === 'string' ? type : null;
}
