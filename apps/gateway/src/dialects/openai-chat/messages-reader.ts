import { unreachable } from '@tollgate/errors';
import type { ValueReader } from '../request-scan/field-table.js';
import { MESSAGE_FIELDS, PART_FIELDS, PART_KINDS, type MessageField, type PartField } from './message-fields.js';
import { CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../../json-scan/json-tokens.js';
import { isNull, isOneOf, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';

const never = (): boolean => false;
const MESSAGE_NAMES = new NameTable<MessageField>(
  MESSAGE_FIELDS,
  ({ name, holds }) => holds === 'content' || name === 'role',
  never,
);
const PART_NAMES = new NameTable<PartField>(PART_FIELDS, () => true, never);
const KINDS = PART_KINDS.map((kind) => Buffer.from(`"${kind}"`));
/** The numbers of brackets around the list of messages, a message, its values, a part, and the values of a part. */
const AROUND_LIST = 1,
  AROUND_MESSAGE = 2,
  AROUND_VALUE = 3,
  AROUND_PART = 4,
  AROUND_PART_VALUE = 5;

/** What `MessagesReader` found in all messages. */
export interface MessagesSeen {
  /** True if messages nest deeper than those of plain text, so there may be parts in them. */
  nestedMessages: boolean;
  /** Whether messages contain text only, so that their bytes bound their cost. */
  textOnly: boolean;
}

/** Reads the messages of a chat body during the scan, to find whether they contain anything but text. */
export class MessagesReader implements ValueReader<MessagesSeen> {
  textOnly = true;
  /** True if something nests deeper than a list of messages whose values are text. */
  nested = false;
  #message = -1;
  #part = -1;
  readonly #names = new ObjectNames(MESSAGE_NAMES);
  /** The names of a part; made for the first part. */
  #partNames: ObjectNames<PartField> | null = null;
  #inContent = false;

  /** Takes a name, without its quotes. Returns its fault or null. `depth` is the number of brackets around it. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    if (depth === AROUND_VALUE) {
      const fault = this.#names.take(bytes, start, end);
      return fault && within(`messages[${this.#message}]`, fault);
    }
    if (depth !== AROUND_PART_VALUE || !this.#inContent || this.#partNames === null) return null;
    const fault = this.#partNames.take(bytes, start, end);
    return fault && within(`messages[${this.#message}].content[${this.#part}]`, fault);
  }

  /** Takes an opening bracket. */
  open(bytes: Buffer, at: number, depth: number): void {
    const isObject = bytes[at] === OPEN_BRACE;
    if (depth >= AROUND_VALUE) this.nested = true;
    switch (depth) {
      case AROUND_LIST:
        return this.#textIf(bytes[at] === OPEN_BRACKET);
      case AROUND_MESSAGE:
        this.#message += 1;
        this.#names.begin();
        return this.#textIf(isObject);
      case AROUND_VALUE:
        this.#inContent = this.#names.field?.holds === 'content';
        this.#part = -1;
        // An empty list asks for nothing.
        return this.#textIf(
          this.#inContent ? !isObject : this.#names.field !== null || bytes[at + 1] === CLOSE_BRACKET,
        );
      case AROUND_PART:
        if (!this.#inContent) return;
        this.#part += 1;
        this.#partNames ??= new ObjectNames(PART_NAMES);
        this.#partNames.begin();
        return this.#textIf(isObject);
      case AROUND_PART_VALUE:
        if (this.#inContent) this.#textIf(this.#partNames?.field?.holds === 'note');
        return;
      default:
    }
  }

  /** Takes a text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    switch (depth) {
      case AROUND_LIST:
        return this.#textIf(isNull(bytes, start));
      case AROUND_MESSAGE:
        return this.#textIf(false);
      case AROUND_VALUE:
        if (this.#names.field?.holds !== 'text')
          this.#textIf(isNull(bytes, start) || (this.#names.field !== null && bytes[start] === QUOTE));
        return;
      case AROUND_PART:
        if (this.#inContent) this.#textIf(false);
        return;
      case AROUND_PART_VALUE:
        if (this.#inContent) this.#textIf(isPartText(this.#partNames?.field ?? null, bytes, start, end));
        return;
      default:
    }
  }

  /** Takes a closing bracket; `depth` is the number of brackets that are still open. */
  close(depth: number): void {
    if (depth === AROUND_VALUE) this.#inContent = false;
  }

  end(fields: MessagesSeen): boolean {
    fields.nestedMessages = this.nested;
    fields.textOnly = this.textOnly;
    return this.textOnly;
  }

  #textIf(condition: boolean): void {
    if (!condition) this.textOnly = false;
  }
}

/** Whether a part is still text with this value, which is no list or object. */
function isPartText(field: PartField | null, bytes: Buffer, start: number, end: number): boolean {
  const holds = field?.holds;
  switch (holds) {
    case 'kind':
      return isOneOf(KINDS, bytes, start, end);
    case 'text':
      return bytes[start] === QUOTE || isNull(bytes, start);
    case 'note':
      return true;
    case 'media':
    case undefined:
      return isNull(bytes, start);
    default:
      return unreachable(holds);
  }
}
