import { unreachable } from '@tollgate/errors';
import { isEmptyAt, OPEN_BRACE, QUOTE, type Span } from '../../json-scan/json-tokens.js';
import { isNull, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import type { MediaPart } from '../../request-path/usage/media-bound.js';
import { accountIdNamed } from '../request-scan/account-ids.js';
import { BODY_DEPTH_MAX } from '../request-scan/body-scan.js';
import type { FieldReason, ValueReader } from '../request-scan/field-table.js';
import { ITEM_FIELDS, TEXT_ITEMS, type ItemField } from './item-fields.js';
import { PartReader } from './part-reader.js';
import { ToolsReader } from './tools-reader.js';

const ITEM_NAMES = new NameTable<ItemField>(
  ITEM_FIELDS,
  ({ holds }) => holds !== 'text' && holds !== 'quiet',
  ({ holds }) => holds === 'sealed',
);
/** The numbers of brackets around the input, an item, its values, and what is in those. */
const AROUND_INPUT = 1,
  AROUND_ITEM = 2,
  AROUND_VALUE = 3,
  AROUND_INNER = 4;
/** A list of tools in an item has this many more brackets around it than one that is a field of the body. */
const AROUND_TOOLS = 2;
/** The depth down to which the input and the tools are read: an id can stand at any. */
export const INPUT_DEPTH = BODY_DEPTH_MAX;
/** An item whose tools are the record of what a server offered. */
const LISTED_TOOLS = 'mcp_list_tools';
/** An id in an item says of which call of a tool it is the record; in a tool it says what the call may use. */
const RECORDED = 'container_id';
/** A type is shorter than this. */
const TYPE_BYTES_MAX = 64;

/** Content that only the target which made it can read. */
export interface SealedContent {
  /** The text, with its quotes. */
  readonly value: Span;
  /** The item that it belongs to. */
  readonly item: Span;
  /** Whether the conversation is complete without the item: a thought, and no summary of the conversation. */
  readonly canBeLeftOut: boolean;
}

/** What `InputReader` found in the input. */
export interface InputSeen {
  /** True if the input nests deeper than items whose values are text, so there may be parts in it. */
  nestedInput: boolean;
  /** Where something stands whose cost has no bound; null if all is text and parts of a bounded size. */
  unbounded: string | null;
  /** The parts that are no text. */
  media: readonly MediaPart[];
  /** Where something of the provider's account is named by its id; null if nothing is. */
  providerId: string | null;
  /** Content that was encrypted for the maker of the model. */
  sealed: readonly SealedContent[];
  /** Where a tool among the items names a model, with a sentence about it; null if none does. */
  inputModel: FieldReason | null;
}

/** Reads the input of a Responses body during the scan. */
export class InputReader implements ValueReader<InputSeen> {
  readonly #parts = new PartReader();
  readonly #names = new ObjectNames(ITEM_NAMES);
  readonly #media: MediaPart[] = [];
  readonly #sealed: SealedContent[] = [];
  #nested = false;
  #unbounded: string | null = null;
  #providerId: string | null = null;
  #item = -1;
  #itemStart = 0;
  #type: string | null = null;
  #hasRole = false;
  #hasId = false;
  #seals: Span[] = [];
  #image: Span | null = null;
  /** The depth at which the present part was opened; 0 outside a part. */
  #partDepth = 0;
  #part = -1;
  /** The last name, if its value is an id of the provider's account. */
  #idName: string | null = null;
  /** Reads the tools of the present item; null if it has none. */
  #tools: ToolsReader | null = null;
  #model: FieldReason | null = null;

  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    this.#idName = null;
    if (depth === AROUND_VALUE) return this.#itemName(bytes, start, end);
    if (depth < AROUND_VALUE) return null;
    const holds = this.#names.field?.holds;
    if (holds === 'tools') return this.#tools?.name(bytes, start, end, depth - AROUND_TOOLS) ?? null;
    if (this.#partDepth > 0) return this.#partName(bytes, start, end, depth);
    if (holds !== 'quiet') this.#idName = accountIdNamed(bytes, start, end);
    return null;
  }

  #partName(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    if (depth > this.#partDepth + 1 && !this.#parts.inNote) this.#idName = accountIdNamed(bytes, start, end);
    const fault =
      depth === this.#partDepth + 1
        ? this.#parts.name(bytes, start, end)
        : depth === this.#partDepth + 2
          ? this.#parts.contentName(bytes, start, end)
          : null;
    return fault && within(this.#partPlace(), fault);
  }

  #itemName(bytes: Buffer, start: number, end: number): NameFault | null {
    const fault = this.#names.take(bytes, start, end);
    if (fault !== null) return within(this.#place(), fault);
    if (this.#names.field !== null) return null;
    const id = accountIdNamed(bytes, start, end);
    if (id !== RECORDED) this.#idName = id;
    return null;
  }

  open(bytes: Buffer, at: number, depth: number): void {
    const isObject = bytes[at] === OPEN_BRACE;
    if (depth >= AROUND_VALUE) this.#nested = true;
    this.#noteId(this.#idName !== null && !isEmptyAt(bytes, at) && (this.#idName !== 'container' || !isObject));
    if (this.#inTools(depth)) {
      if (depth === AROUND_VALUE) this.#tools ??= new ToolsReader(`${this.#place()}.tools`);
      this.#tools?.open(bytes, at, depth - AROUND_TOOLS);
      return;
    }
    if (this.#partDepth > 0) {
      if (depth === this.#partDepth + 1) this.#parts.open(bytes, at);
      else if (depth === this.#partDepth + 2) this.#parts.openContent();
      return;
    }
    switch (depth) {
      case AROUND_INPUT:
        return this.#boundedIf(!isObject);
      case AROUND_ITEM:
        return isObject ? this.#beginItem(at) : this.#boundedIf(false);
      case AROUND_VALUE:
        return this.#openValue(bytes, at, isObject);
      case AROUND_INNER:
        if (this.#names.field?.holds === 'content') {
          this.#part += 1;
          if (isObject) this.#beginPart(depth);
          else this.#boundedIf(false);
        }
        return;
      default:
    }
  }

  #openValue(bytes: Buffer, at: number, isObject: boolean): void {
    const holds = this.#names.field?.holds;
    if (holds === 'content') {
      this.#part = -1;
      if (isObject) this.#beginPart(AROUND_VALUE);
      return;
    }
    if (holds !== 'text' && holds !== 'quiet') this.#boundedIf(isEmptyAt(bytes, at));
  }

  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    this.#noteId(this.#idName !== null && !isNull(bytes, start));
    if (depth > AROUND_VALUE && this.#inTools(depth)) {
      this.#tools?.scalar(bytes, start, end, depth - AROUND_TOOLS);
      return;
    }
    if (this.#partDepth > 0) {
      if (depth === this.#partDepth + 1) this.#parts.scalar(bytes, start, end);
      else if (depth === this.#partDepth + 2) this.#parts.contentScalar(bytes, start, end);
      return;
    }
    switch (depth) {
      case AROUND_INPUT:
        return this.#boundedIf(bytes[start] === QUOTE || isNull(bytes, start));
      case AROUND_ITEM:
        return this.#boundedIf(false);
      case AROUND_VALUE:
        return this.#itemScalar(bytes, start, end);
      case AROUND_INNER:
        // Content is text as a whole, or a list of parts.
        if (this.#names.field?.holds === 'content') this.#boundedIf(false);
        return;
      default:
    }
  }

  #itemScalar(bytes: Buffer, start: number, end: number): void {
    const holds = this.#names.field?.holds;
    const isText = bytes[start] === QUOTE;
    switch (holds) {
      case 'kind': {
        const type = end - start > TYPE_BYTES_MAX ? '' : valueAt(bytes, { start, end });
        if (type !== null) this.#type = typeof type === 'string' ? type : '';
        return;
      }
      case 'role':
        this.#hasRole ||= isText;
        return;
      case 'id':
        this.#hasId ||= !isNull(bytes, start);
        return;
      case 'sealed':
        if (isText) this.#seals.push({ start, end });
        return;
      case 'image':
        if (isText) this.#image = { start: start + 1, end: end - 1 };
        return;
      case 'content':
      case 'files':
      case 'tools':
        return this.#boundedIf(isText || isNull(bytes, start));
      case 'text':
      case 'quiet':
        return;
      case undefined:
        return this.#boundedIf(isNull(bytes, start));
      default:
        return unreachable(holds);
    }
  }

  close(depth: number, end: number): void {
    if (this.#inTools(depth)) this.#tools?.close(depth - AROUND_TOOLS);
    else if (this.#partDepth > 0 && depth === this.#partDepth) this.#endPart();
    else if (depth === AROUND_ITEM && this.#itemStart > 0) this.#endItem(end);
  }

  end(fields: InputSeen): boolean {
    fields.nestedInput = this.#nested;
    fields.unbounded = this.#unbounded;
    fields.media = this.#media.sort((a, b) => (a.data?.start ?? 0) - (b.data?.start ?? 0));
    fields.providerId = this.#providerId;
    fields.sealed = this.#sealed;
    fields.inputModel = this.#model;
    return this.#unbounded === null;
  }

  #beginItem(at: number): void {
    this.#item += 1;
    this.#itemStart = at;
    this.#names.begin();
    this.#type = null;
    this.#hasRole = false;
    this.#hasId = false;
    this.#seals = [];
    this.#image = null;
    this.#tools = null;
    this.#part = -1;
  }

  #endItem(end: number): void {
    const item = { start: this.#itemStart, end };
    const type = this.#type ?? (this.#hasRole ? 'message' : 'item_reference');
    // Such an item stands for one that the provider has kept.
    const refers = type === 'item_reference' || (type === 'image_generation_call' && this.#image === null);
    if (refers && this.#hasId) this.#providerId ??= `${this.#place()}.id`;
    this.#part = -1;
    this.#boundedIf(TEXT_ITEMS.has(type));
    if (this.#image !== null) this.#media.push({ kind: 'image', data: this.#image, detail: null });
    const canBeLeftOut = type === 'reasoning' && this.#seals.length === 1;
    for (const value of this.#seals) this.#sealed.push({ item, value, canBeLeftOut });
    if (this.#tools !== null) this.#endTools(this.#tools, type);
    this.#itemStart = 0;
  }

  #endTools(tools: ToolsReader, type: string): void {
    this.#boundedIf(tools.areCallers || type === LISTED_TOOLS);
    this.#providerId ??= tools.toolId;
    if (tools.isElsewhere) this.#model ??= tools.reason;
    else this.#boundedIf(tools.reason === null);
  }

  /** Whether a token of this depth is part of the tools of an item. */
  #inTools(depth: number): boolean {
    return depth >= AROUND_VALUE && this.#names.field?.holds === 'tools';
  }

  #beginPart(depth: number): void {
    this.#partDepth = depth;
    this.#parts.begin();
  }

  #endPart(): void {
    const { idAt, seal } = this.#parts;
    if (seal !== null) this.#seals.push(seal);
    if (idAt !== null) this.#providerId ??= `${this.#partPlace()}.${idAt}`;
    const found = this.#parts.found();
    if (found === 'unbounded') this.#boundedIf(false);
    else if (found !== 'text') this.#media.push(found);
    this.#partDepth = 0;
  }

  #noteId(isNamed: boolean): void {
    const place = this.#partDepth > 0 ? `${this.#partPlace()}.` : `${this.#place()}.${this.#valueName()}`;
    if (isNamed) this.#providerId ??= `${place}${this.#idName}`;
    this.#idName = null;
  }

  #place(): string {
    return `input[${this.#item}]`;
  }

  /** The name of the value in which something was found, with a point; empty if it is a field of the item itself. */
  #valueName(): string {
    const name = this.#names.field?.name;
    return name === undefined ? '' : `${name}.`;
  }

  #partPlace(): string {
    const list = `${this.#place()}.${this.#names.field?.name ?? ''}`;
    return this.#part < 0 ? list : `${list}[${this.#part}]`;
  }

  #boundedIf(condition: boolean): void {
    if (condition || this.#unbounded !== null) return;
    const item = this.#item < 0 ? 'input' : this.#place();
    this.#unbounded = this.#item >= 0 && this.#part >= 0 ? this.#partPlace() : item;
  }
}
