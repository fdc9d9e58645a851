import { unreachable } from '@tollgate/errors';
import { OPEN_BRACE, OPEN_BRACKET, QUOTE, type Span } from '../../json-scan/json-tokens.js';
import { isNull, NameTable, ObjectNames, within, type NameFault } from '../../json-scan/name-table.js';
import { valueAt } from '../../json-scan/values.js';
import type { MediaPart } from '../../request-path/usage/media-bound.js';
import type { FieldReason, ValueReader } from '../request-scan/field-table.js';
import {
  BLOCK_FIELDS,
  BLOCK_KINDS,
  MESSAGE_FIELDS,
  SOURCE_FIELDS,
  SOURCE_KINDS,
  TOOL_FIELDS,
  type BlockField,
  type MessageField,
  type SourceField,
  type ToolField,
} from './content-fields.js';
import { ToolsReader, type ToolsSeen } from './tools-reader.js';

const always = (): boolean => true;
const never = (): boolean => false;
const MESSAGE_NAMES = new NameTable<MessageField>(MESSAGE_FIELDS, always, never);
const isId = ({ holds }: { readonly holds: string }): boolean => holds === 'id';
const BLOCK_NAMES = new NameTable<BlockField>(BLOCK_FIELDS, always, isId);
const SOURCE_NAMES = new NameTable<SourceField>(SOURCE_FIELDS, always, isId);
const TOOL_NAMES = new NameTable<ToolField>(TOOL_FIELDS, always, never);
/** No type of a block or of a source is longer. */
const KIND_BYTES_MAX = 64;
/** Nor is the name of a tool, with escapes. */
const TOOL_NAME_BYTES_MAX = 1_024;
/** A definition of a tool in a block has this many brackets around it if it stands in the list of tools. */
const AROUND_TOOL = 2;

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
  /** Whether a block stands for the definition of a tool by its name. */
  namesTools: boolean;
  /** Where a tool that is defined among the messages names a model, with a sentence about it; null if none does. */
  toolModel: FieldReason | null;
}

/**
 * What a bracket opens. A `note` is JSON whose bytes bound its tokens, and `lost` something that no provider takes at
 * its place. A `definition` is one of a tool, as in the list of tools.
 */
type Form = 'messages' | 'message' | 'blocks' | 'block' | 'source' | 'tool' | 'definition' | 'note' | 'lost';
type Field = MessageField | BlockField | SourceField | ToolField;
type Names = ObjectNames<MessageField> | ObjectNames<BlockField> | ObjectNames<SourceField> | ObjectNames<ToolField>;

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
  /** The name of a tool for whose definition it stands; whether it has a tool, and a definition itself. */
  reference: string | null = null;
  hasTool = false;
  hasDefinition = false;
  /** True if a block has a field that is not known, or one whose value is of another form than it should be. */
  isOdd = false;
  #message: ObjectNames<MessageField> | null = null;
  #block: ObjectNames<BlockField> | null = null;
  #source: ObjectNames<SourceField> | null = null;
  #tool: ObjectNames<ToolField> | null = null;

  begin(form: Form): void {
    this.form = form;
    this.item = -1;
    this.kind = null;
    this.media = null;
    this.data = null;
    this.hasSource = false;
    this.reference = null;
    this.hasTool = false;
    this.hasDefinition = false;
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
      case 'tool':
        return (this.#tool ??= new ObjectNames(TOOL_NAMES));
      case 'messages':
      case 'blocks':
      case 'definition':
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
export class ContentReader implements ValueReader<ContentSeen & ToolsSeen> {
  readonly #frames: Frame[] = [];
  #unbounded: string | null = null;
  #media: MediaPart[] | null = null;
  #fileId: string | null = null;
  /** The tools that blocks stand for by their names. */
  #named: Set<string> | null = null;
  /** The readers of the definitions so far, and the depth of the one that is open; 0 if none is. */
  #definitions: ToolsReader[] | null = null;
  #definitionDepth = 0;

  constructor(private readonly field: 'messages' | 'system') {}

  /** Takes a name, without its quotes. Returns its fault or null. `depth` is the number of brackets around it. */
  name(bytes: Buffer, start: number, end: number, depth: number): NameFault | null {
    if (this.#definitionDepth > 0) return this.#definition?.name(bytes, start, end, this.#inTool(depth)) ?? null;
    const fault = this.#frame(depth - 1).names?.take(bytes, start, end) ?? null;
    return fault && within(this.#place(depth - 1), fault);
  }

  /** Takes an opening bracket. */
  open(bytes: Buffer, at: number, depth: number): void {
    if (this.#definitionDepth > 0) return this.#definition?.open(bytes, at, this.#inTool(depth));
    const form = this.#formAt(depth, bytes[at] === OPEN_BRACE, bytes[at] === OPEN_BRACKET);
    this.#frame(depth).begin(form);
    // What is read of deeper blocks would not be enough. No provider takes blocks at such a depth.
    if (form === 'lost' || (form !== 'note' && depth === CONTENT_DEPTH)) this.#boundedIf(false, depth - 1);
    else if (form === 'definition') this.#openDefinition(bytes, at, depth);
  }

  #openDefinition(bytes: Buffer, at: number, depth: number): void {
    this.#definitionDepth = depth;
    const reader = new ToolsReader(this.#place(depth));
    (this.#definitions ??= []).push(reader);
    reader.open(bytes, at, AROUND_TOOL);
  }

  get #definition(): ToolsReader | undefined {
    return this.#definitions?.at(-1);
  }

  /** The depth that a token of the open definition had in the list of tools. */
  #inTool(depth: number): number {
    return depth - this.#definitionDepth + AROUND_TOOL;
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
      case 'tool':
        if (around.holds === 'definition' && isObject) return 'definition';
        around.isOdd = true;
        return 'note';
      case 'definition':
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
    if (holds === 'tool' && isObject) return 'tool';
    // The result of a provider's tool may be one object.
    if (holds !== 'note') block.isOdd = true;
    return 'note';
  }

  /** Takes a text with its quotes, a number, `true`, `false` or `null`. */
  scalar(bytes: Buffer, start: number, end: number, depth: number): void {
    if (this.#definitionDepth > 0) return this.#definition?.scalar(bytes, start, end, this.#inTool(depth));
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
      case 'tool':
        return inTool(frame, bytes, { start, end });
      case 'definition':
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
      case 'reference':
        block.reference = toolNameAt(bytes, span);
        return;
      case 'data':
      case 'text':
      case 'tool':
      case 'definition':
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
      case 'reference':
      case 'tool':
      case 'definition':
      case undefined:
        if (!isNull(bytes, span.start)) source.isOdd = true;
        return;
      default:
        return unreachable(holds);
    }
  }

  /** Takes a closing bracket before `end`; `depth` is the number of brackets that are still open. */
  close(depth: number, end: number): void {
    if (this.#definitionDepth > 0) {
      this.#definition?.close(this.#inTool(depth), end);
      if (depth > this.#definitionDepth) return;
      this.#definitionDepth = 0;
      this.#frame(depth - 1).hasDefinition = true;
      return;
    }
    const frame = this.#frame(depth);
    if (frame.form === 'tool') endTool(frame, this.#frame(depth - 1));
    else if (frame.form === 'source') this.#endSource(frame, this.#frame(depth - 1));
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
        return this.#boundedIf(isPlain(block) && block.reference === null && !block.hasTool, depth - 1);
      case 'image':
        if (block.isOdd || block.media === null) return this.#boundedIf(false, depth - 1);
        return this.#add(block.media);
      case 'document':
        if (block.isOdd || !block.hasSource) return this.#boundedIf(false, depth - 1);
        if (block.media !== null) this.#add({ ...block.media, kind: 'anything' });
        return;
      case 'reference':
        return this.#addReference(isPlain(block) && !block.hasTool ? block.reference : null);
      case 'addition':
        if (!isPlain(block) || !block.hasTool) return this.#boundedIf(false, depth - 1);
        if (!block.hasDefinition) this.#addReference(block.reference);
        return;
      case 'removal':
        return this.#boundedIf(isPlain(block) && block.hasTool && !block.hasDefinition, depth - 1);
      case 'anything':
        return this.#add(ANYTHING);
      case undefined:
        return this.#boundedIf(false, depth - 1);
      default:
        return unreachable(kind);
    }
  }

  end(fields: ContentSeen & ToolsSeen): boolean {
    fields.unbounded ??= this.#unbounded;
    if (this.#media !== null) fields.media = [...fields.media, ...this.#media];
    fields.fileId ??= this.#fileId;
    if (this.#named !== null) fields.namesTools = true;
    for (const definition of this.#definitions ?? []) this.#endDefinition(definition, fields);
    return this.#unbounded === null;
  }

  #endDefinition(definition: ToolsReader, fields: ContentSeen & ToolsSeen): void {
    const isBounded = definition.end(fields);
    if (definition.isElsewhere) fields.toolModel ??= definition.reason;
    else if (!isBounded) fields.unbounded ??= definition.reason?.param ?? this.field;
  }

  /**
   * Counts a block that stands for the definition of a tool. Nobody says that a definition is read once if its tool is
   * named again.
   */
  #addReference(name: string | null): void {
    if (name === null || this.#named?.has(name) === true) this.#add(ANYTHING);
    else (this.#named ??= new Set()).add(name);
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
      } else if (form === 'source' || form === 'tool' || form === 'definition') place += `.${form}`;
    }
    return place;
  }

  #boundedIf(condition: boolean, depth: number): void {
    if (!condition) this.#unbounded ??= this.#place(depth);
  }
}

const ANYTHING: MediaPart = { kind: 'anything', data: null, detail: null };

/** Whether a block has none but known fields, and no source. */
const isPlain = (block: Frame): boolean => !block.isOdd && !block.hasSource;

/** Takes a value of the tool of a block. */
function inTool(tool: Frame, bytes: Buffer, span: Span): void {
  if (tool.holds === 'kind') tool.kind = kindAt(bytes, span);
  else if (tool.holds === 'reference') tool.reference = toolNameAt(bytes, span);
  else if (!isNull(bytes, span.start)) tool.isOdd = true;
}

/** The tool of a block has ended: it is a name, or a definition, whose cost its own reader knows. */
function endTool(tool: Frame, block: Frame): void {
  block.hasTool = true;
  block.hasDefinition = tool.hasDefinition;
  block.reference = tool.reference;
  const isKnown = tool.hasDefinition
    ? tool.kind === 'tool_definition' && tool.reference === null
    : tool.kind === 'tool_reference' && tool.reference !== null;
  if (tool.isOdd || !isKnown) block.isOdd = true;
}

/** The name of a tool; null if it is no text, or longer than any. */
function toolNameAt(bytes: Buffer, span: Span): string | null {
  const value = span.end - span.start > TOOL_NAME_BYTES_MAX ? null : valueAt(bytes, span);
  return typeof value === 'string' ? value : null;
}

/** The type that a block or a source gives; null if it is no short text. */
function kindAt(bytes: Buffer, span: Span): string | null {
  const value = span.end - span.start > KIND_BYTES_MAX ? null : valueAt(bytes, span);
  return typeof value === 'string' ? value : null;
}
