import { unreachable } from '@tollgate/errors';
import { OPEN_BRACE, OPEN_BRACKET, QUOTE, type Span } from '../../json-scan/json-tokens.js';
import { isNull, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import type { MediaPart } from '../../request-path/usage/media-bound.js';
import type { ValueReader } from '../request-scan/field-table.js';
import {
  BLOCK_FIELDS,
  BLOCK_KINDS,
  MESSAGE_FIELDS,
  SOURCE_FIELDS,
  SOURCE_KINDS,
  type BlockField,
  type MessageField,
  type SourceField,
} from './content-fields.js';

const always = (): boolean => true;
const never = (): boolean => false;
const MESSAGE_NAMES = new NameTable<MessageField>(MESSAGE_FIELDS, always, never);
const isId = ({ holds }: { readonly holds: string }): boolean => holds === 'id';
const BLOCK_NAMES = new NameTable<BlockField>(BLOCK_FIELDS, always, isId);
const SOURCE_NAMES = new NameTable<SourceField>(SOURCE_FIELDS, always, isId);
/** No type of a block or of a source is longer. */
const KIND_BYTES_MAX = 64;

/**
 * The depth down to which content is read: a list of blocks in the source of a document in the result of a tool, and
 * the source of an image in that.
 */
export const CONTENT_DEPTH = 12;

/** What the readers of `messages` and `system` found. */
export interface ContentSeen {
  /** Where something stands whose cost has no bound; null if all of it is bounded. */
  unbounded: string | null;
  /** The parts that are no text. */
  media: readonly MediaPart[];
  /** Where a file of the provider's is named; null if none is. */
  fileId: string | null;
}

/**
 * What a bracket opens. A `note` is JSON whose bytes bound its tokens, and `lost` something that no provider takes at
 * its place.
 */
type Form = 'messages' | 'message' | 'blocks' | 'block' | 'source' | 'note' | 'lost';
type Field = MessageField | BlockField | SourceField;
type Names = ObjectNames<MessageField> | ObjectNames<BlockField> | ObjectNames<SourceField>;

/** One open bracket. Frames are made once for each depth and used again. */
class Frame {
  form: Form = 'note';
  /** The number of the last item of a list. */
  item = -1;
  kind: string | null = null;
  /** Of a block: the media that its source names. Of a source: the place of its data. */
  media: MediaPart | null = null;
  data: Span | null = null;
  hasSource = false;
  /** True if a block has a field that is not known, or one whose value is of another form than it should be. */
  isOdd = false;
  #message: ObjectNames<MessageField> | null = null;
  #block: ObjectNames<BlockField> | null = null;
  #source: ObjectNames<SourceField> | null = null;

  begin(form: Form): void {
    this.form = form;
    this.item = -1;
    this.kind = null;
    this.media = null;
    this.data = null;
    this.hasSource = false;
    this.isOdd = false;
    this.names?.begin();
  }

  /** The names of an object whose fields decide something; null for a list or a note. */
  get names(): Names | null {
    switch (this.form) {
      case 'message':
        return (this.#message ??= new ObjectNames(MESSAGE_NAMES));
      case 'block':
        return (this.#block ??= new ObjectNames(BLOCK_NAMES));
      case 'source':
        return (this.#source ??= new ObjectNames(SOURCE_NAMES));
      case 'messages':
      case 'blocks':
      case 'note':
      case 'lost':
        return null;
      default:
        return unreachable(this.form);
    }
  }

  get holds(): Field['holds'] | undefined {
    return this.names?.field?.holds;
  }
}

/** Finds in the `messages` or the `system` prompt of a body, during the scan, whatever is no text. */
export class ContentReader implements ValueReader<ContentSeen> {
  readonly #frames: Frame[] = [];
  #unbounded: string | null = null;
  #media: MediaPart[] | null = null;
  #fileId: string | null = null;

  constructor(private readonly field: 'messages' | 'system') {}

  /** Takes a name, without its quotes. Returns its fault or null. `depth` is the number of brackets around it. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    const fault = this.#frame(depth - 1).names?.take(bytes, start, end) ?? null;
    return fault && within(this.#place(depth - 1), fault);
  }

  /** Takes an opening bracket. */
  open(bytes: Buffer, at: number, depth: number): void {
    const form = this.#formAt(depth, bytes[at] === OPEN_BRACE, bytes[at] === OPEN_BRACKET);
    this.#frame(depth).begin(form);
    // What is read of deeper blocks would not be enough. No provider takes blocks at such a depth.
    if (form === 'lost' || (form !== 'note' && depth === CONTENT_DEPTH)) this.#boundedIf(false, depth - 1);
  }

  #formAt(depth: number, isObject: boolean, isList: boolean): Form {
    if (depth === 1) {
      if (!isList) return 'lost';
      return this.field === 'messages' ? 'messages' : 'blocks';
    }
    const around = this.#frame(depth - 1);
    switch (around.form) {
      case 'messages':
        around.item += 1;
        return isObject ? 'message' : 'lost';
      case 'blocks':
        around.item += 1;
        return isObject ? 'block' : 'lost';
      case 'message':
        if (around.holds === 'content') return isList ? 'blocks' : 'lost';
        return around.holds === 'text' ? 'note' : 'lost';
      case 'block':
        return this.#formInBlock(around, isObject);
      case 'source':
        if (around.holds === 'content' && isList) return 'blocks';
        around.isOdd = true;
        return 'note';
      case 'note':
      case 'lost':
        return 'note';
      default:
        return unreachable(around.form);
    }
  }

  #formInBlock(block: Frame, isObject: boolean): Form {
    const { holds } = block;
    if (holds === 'content' && !isObject) return 'blocks';
    if (holds === 'source' && isObject) return 'source';
    // The result of a provider's tool may be one object.
    if (holds !== 'note') block.isOdd = true;
    return 'note';
  }

  /** Takes a text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    const isText = bytes[start] === QUOTE;
    if (depth === 1) return this.#boundedIf(isNull(bytes, start) || (isText && this.field === 'system'), 0);
    const frame = this.#frame(depth - 1);
    switch (frame.form) {
      case 'messages':
      case 'blocks':
        frame.item += 1;
        return this.#boundedIf(false, depth - 1);
      case 'message':
        return this.#boundedIf(
          isNull(bytes, start) || frame.holds === 'text' || (isText && frame.holds === 'content'),
          depth - 1,
        );
      case 'block':
        return this.#inBlock(frame, bytes, { start, end }, depth);
      case 'source':
        return this.#inSource(frame, bytes, { start, end }, depth);
      case 'note':
      case 'lost':
        return;
      default:
        return unreachable(frame.form);
    }
  }

  #inBlock(block: Frame, bytes: Buffer, span: Span, depth: number): void {
    const isText = bytes[span.start] === QUOTE;
    const { holds } = block;
    switch (holds) {
      case 'kind':
        block.kind = kindAt(bytes, span);
        return;
      case 'id':
        if (!isNull(bytes, span.start)) this.#fileId ??= `${this.#place(depth - 1)}.file_id`;
        return;
      case 'note':
        return;
      case 'content':
      case 'source':
        // The source of a search result is a text.
        if (!isText && !isNull(bytes, span.start)) block.isOdd = true;
        return;
      case 'data':
      case 'text':
      case undefined:
        if (!isNull(bytes, span.start)) block.isOdd = true;
        return;
      default:
        return unreachable(holds);
    }
  }

  #inSource(source: Frame, bytes: Buffer, span: Span, depth: number): void {
    const isText = bytes[span.start] === QUOTE;
    const { holds } = source;
    switch (holds) {
      case 'kind':
        source.kind = kindAt(bytes, span);
        return;
      case 'data':
        if (isText && source.data === null) source.data = { start: span.start + 1, end: span.end - 1 };
        else if (!isNull(bytes, span.start)) source.isOdd = true;
        return;
      case 'id':
        if (!isNull(bytes, span.start)) this.#fileId ??= `${this.#place(depth - 1)}.file_id`;
        return;
      case 'note':
        return;
      case 'content':
        if (!isText && !isNull(bytes, span.start)) source.isOdd = true;
        return;
      case 'source':
      case 'text':
      case undefined:
        if (!isNull(bytes, span.start)) source.isOdd = true;
        return;
      default:
        return unreachable(holds);
    }
  }

  /** Takes a closing bracket; `depth` is the number of brackets that are still open. */
  close(depth: number): void {
    const frame = this.#frame(depth);
    if (frame.form === 'source') this.#endSource(frame, this.#frame(depth - 1));
    else if (frame.form === 'block') this.#endBlock(frame, depth);
  }

  #endSource(source: Frame, block: Frame): void {
    block.hasSource = true;
    const kind = source.kind === null ? undefined : SOURCE_KINDS.get(source.kind);
    if (kind === undefined || source.isOdd) block.isOdd = true;
    else if (kind === 'media') block.media = { kind: 'image', data: source.data, detail: null };
  }

  #endBlock(block: Frame, depth: number): void {
    const kind = block.kind === null ? undefined : BLOCK_KINDS.get(block.kind);
    switch (kind) {
      case 'text':
        return this.#boundedIf(!block.isOdd && !block.hasSource, depth - 1);
      case 'image':
        if (block.isOdd || block.media === null) return this.#boundedIf(false, depth - 1);
        return this.#add(block.media);
      case 'document':
        if (block.isOdd || !block.hasSource) return this.#boundedIf(false, depth - 1);
        if (block.media !== null) this.#add({ ...block.media, kind: 'anything' });
        return;
      case 'anything':
        return this.#add({ kind: 'anything', data: null, detail: null });
      case undefined:
        return this.#boundedIf(false, depth - 1);
      default:
        return unreachable(kind);
    }
  }

  end(fields: ContentSeen): boolean {
    fields.unbounded ??= this.#unbounded;
    if (this.#media !== null) fields.media = [...fields.media, ...this.#media];
    fields.fileId ??= this.#fileId;
    return this.#unbounded === null;
  }

  #add(part: MediaPart): void {
    (this.#media ??= []).push(part);
  }

  #frame(depth: number): Frame {
    let frame = this.#frames[depth];
    if (frame === undefined) this.#frames[depth] = frame = new Frame();
    return frame;
  }

  /** The path of the innermost item of a list at this depth. */
  #place(depth: number): string {
    let place = this.field as string;
    for (let at = 1; at <= depth; at++) {
      const { form, item } = this.#frame(at);
      if (form === 'messages' || form === 'blocks') {
        if (at > 1 && form === 'blocks') place += '.content';
        if (item >= 0) place += `[${item}]`;
      } else if (form === 'source') place += '.source';
    }
    return place;
  }

  #boundedIf(condition: boolean, depth: number): void {
    if (!condition) this.#unbounded ??= this.#place(depth);
  }
}

/** The type that a block or a source gives; null if it is no short text. */
function kindAt(bytes: Buffer, span: Span): string | null {
  const value = span.end - span.start > KIND_BYTES_MAX ? null : valueAt(bytes, span);
  return typeof value === 'string' ? value : null;
}
