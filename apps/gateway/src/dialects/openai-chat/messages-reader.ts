import type { ValueReader } from '../request-scan/field-table.js';
import { CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../../json-scan/json-tokens.js';
import { isNull, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';
import type { MediaPart } from '../../request-path/usage/media-bound.js';
import { MESSAGE_FIELDS, type MessageField } from './message-fields.js';
import { PartReader } from './part-reader.js';

const MESSAGE_NAMES = new NameTable<MessageField>(
  MESSAGE_FIELDS,
  ({ name, holds }) => holds !== 'text' || name === 'role',
  () => false,
);
/** Speech of an earlier answer is named by its id. */
const SPEECH_NAMES = new NameTable(
  [{ name: 'id' }],
  () => true,
  () => false,
);
/**
 * The numbers of brackets around the list of messages, a message, its values, a part, the values of a part, and the
 * values of its content.
 */
const AROUND_LIST = 1,
  AROUND_MESSAGE = 2,
  AROUND_VALUE = 3,
  AROUND_PART = 4,
  AROUND_PART_VALUE = 5,
  AROUND_CONTENT_VALUE = 6;
/** The depth down to which messages are read. */
export const MESSAGES_DEPTH = AROUND_CONTENT_VALUE;

/** What `MessagesReader` found in all messages. */
export interface MessagesSeen {
  /** True if messages nest deeper than those of plain text, so there may be parts in them. */
  nestedMessages: boolean;
  /** Where something stands whose cost has no bound; null if all messages are text and parts of a bounded size. */
  unbounded: string | null;
  /** The parts that are no text. */
  media: readonly MediaPart[];
  /** Where something of the provider's account is named by its id; null if nothing is. */
  providerId: string | null;
}

/** Finds in the messages of a chat body, during the scan, whatever is no text. */
export class MessagesReader implements ValueReader<MessagesSeen> {
  /** True if something nests deeper than a list of messages whose values are text. */
  nested = false;
  #unbounded: string | null = null;
  #media: MediaPart[] | null = null;
  #providerId: string | null = null;
  #message = -1;
  #part = -1;
  readonly #names = new ObjectNames(MESSAGE_NAMES);
  /** Made for the first part. */
  #parts: PartReader | null = null;
  #inContent = false;

  /** Takes a name, without its quotes. Returns its fault or null. `depth` is the number of brackets around it. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    if (depth === AROUND_VALUE) {
      const fault = this.#names.take(bytes, start, end);
      return fault && within(`messages[${this.#message}]`, fault);
    }
    if (depth === AROUND_PART && this.#names.field?.holds === 'speech') {
      if (isNamed(SPEECH_NAMES, bytes, start, end)) this.#providerId ??= `messages[${this.#message}].audio.id`;
      return null;
    }
    if (depth < AROUND_PART_VALUE || !this.#inContent || this.#parts === null) return null;
    const fault =
      depth === AROUND_PART_VALUE ? this.#parts.name(bytes, start, end) : this.#parts.contentName(bytes, start, end);
    return fault && within(this.#place(), fault);
  }

  /** Takes an opening bracket. */
  open(bytes: Buffer, at: number, depth: number): void {
    const isObject = bytes[at] === OPEN_BRACE;
    if (depth >= AROUND_VALUE) this.nested = true;
    switch (depth) {
      case AROUND_LIST:
        return this.#boundedIf(bytes[at] === OPEN_BRACKET);
      case AROUND_MESSAGE:
        this.#message += 1;
        this.#names.begin();
        return this.#boundedIf(isObject);
      case AROUND_VALUE:
        this.#inContent = this.#names.field?.holds === 'content';
        this.#part = -1;
        // An empty list asks for nothing.
        return this.#boundedIf(
          this.#inContent ? !isObject : this.#names.field?.holds === 'text' || bytes[at + 1] === CLOSE_BRACKET,
        );
      case AROUND_PART:
        if (!this.#inContent) return;
        this.#part += 1;
        this.#parts ??= new PartReader();
        this.#parts.begin();
        return this.#boundedIf(isObject);
      case AROUND_PART_VALUE:
        if (this.#inContent) this.#parts?.open(bytes, at);
        return;
      case AROUND_CONTENT_VALUE:
        if (this.#inContent) this.#parts?.openContent();
        return;
      default:
    }
  }

  /** Takes a text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    switch (depth) {
      case AROUND_LIST:
        return this.#boundedIf(isNull(bytes, start));
      case AROUND_MESSAGE:
        return this.#boundedIf(false);
      case AROUND_VALUE:
        if (this.#names.field?.holds !== 'text')
          this.#boundedIf(isNull(bytes, start) || (this.#names.field?.holds === 'content' && bytes[start] === QUOTE));
        return;
      case AROUND_PART:
        if (this.#inContent) this.#boundedIf(false);
        return;
      case AROUND_PART_VALUE:
        if (this.#inContent) this.#parts?.scalar(bytes, start, end);
        return;
      case AROUND_CONTENT_VALUE:
        if (this.#inContent) this.#parts?.contentScalar(bytes, start, end);
        return;
      default:
    }
  }

  /** Takes a closing bracket; `depth` is the number of brackets that are still open. */
  close(depth: number): void {
    if (depth === AROUND_VALUE) this.#inContent = false;
    if (depth === AROUND_PART && this.#inContent && this.#parts !== null) this.#take(this.#parts);
  }

  end(fields: MessagesSeen): boolean {
    fields.nestedMessages = this.nested;
    fields.unbounded = this.#unbounded;
    if (this.#media !== null) fields.media = this.#media;
    fields.providerId ??= this.#providerId;
    return this.#unbounded === null;
  }

  #take(part: PartReader): void {
    if (part.idAt !== null) this.#providerId ??= `${this.#place()}.${part.idAt}`;
    const found = part.found();
    if (found === 'text') return;
    if (found === 'unbounded') this.#boundedIf(false);
    else (this.#media ??= []).push(found);
  }

  #place(): string {
    return `messages[${this.#message}].content[${this.#part}]`;
  }

  #boundedIf(condition: boolean): void {
    if (condition || this.#unbounded !== null) return;
    const message = this.#message < 0 ? 'messages' : `messages[${this.#message}]`;
    this.#unbounded = this.#inContent && this.#part >= 0 ? this.#place() : message;
  }
}

/** Whether a name is in a table, in any spelling that some reader accepts. */
function isNamed(names: NameTable<{ readonly name: string }>, bytes: Buffer, start: number, end: number): boolean {
  if (names.exact(bytes, start, end) !== null) return true;
  const meant = names.mistakenFor(bytes, start, end);
  return meant !== null && typeof meant !== 'string';
}
