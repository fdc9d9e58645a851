import type {
  AssistantPart,
  DocumentPart,
  ImagePart,
  Source,
  TextPart,
  ThinkingPart,
  ToolCallPart,
  ToolResult,
  UserPart,
} from '../conversation.js';
import { wrapInput } from '../custom-tools.js';
import type { Fault, JsonObject, WriteContext } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { isBlank, parseObject } from '../fields.js';
import { imageTypeOf } from '../image-type.js';
import { mapOrFault } from '../map-or-fault.js';
import { writeCacheMark } from './cache-marks.js';

/** Blocks are written by what the request is written by: its field of each feature, and its names and ids. */
export interface BlockContext extends Pick<WriteContext, 'fieldOf'> {
  /** Collects the names of what is left out. */
  readonly leftOut: Set<string>;
  nameOf(original: string): string;
  idOf(original: string): string;
}

type Blocks = readonly JsonObject[] | Fault;

/** The base64 of `%PDF-`. */
const PDF = 'JVBERi';

/** Blank texts are left out: Claude refuses them. */
export function textBlocks(parts: readonly TextPart[]): readonly JsonObject[] {
  return parts.flatMap(({ text, cache }) => (isBlank(text) ? [] : [{ type: 'text', text, ...writeCacheMark(cache) }]));
}

export function userBlocks(parts: readonly UserPart[], context: BlockContext): Blocks {
  const blocks = mapOrFault(parts, (part) => userBlock(part, context));
  return isFault(blocks) ? blocks : blocks.flat();
}

function userBlock(part: UserPart, context: BlockContext): Blocks {
  switch (part.kind) {
    case 'text':
      return textBlocks([part]);
    case 'image':
      return imageBlock(part, context);
    case 'document':
      return documentBlock(part, context);
    case 'audio':
      return fault(context.fieldOf('audio'), 'Claude takes no audio.');
    default:
      return part satisfies never;
  }
}

function imageBlock({ source, detail, cache }: ImagePart, context: BlockContext): Blocks {
  if (detail !== null && detail !== 'auto') context.leftOut.add('detail');
  const written = source.kind === 'url' ? writeUrl(source) : imageData(source);
  if (written === null)
    return fault(context.fieldOf('images'), 'The data of an image must be base64 of a PNG, JPEG, GIF or WebP.');
  return [{ type: 'image', source: written, ...writeCacheMark(cache) }];
}

/** The label is told by the first bytes: Claude refuses one that does not fit them. */
function imageData({ base64 }: { readonly base64: string }): JsonObject | null {
  const mediaType = imageTypeOf(base64);
  return mediaType === null ? null : { type: 'base64', media_type: mediaType, data: base64 };
}

function writeUrl({ url }: Extract<Source, { kind: 'url' }>): JsonObject {
  return { type: 'url', url };
}

function documentBlock({ source, name, citations, cache }: DocumentPart, context: BlockContext): Blocks {
  const written = documentSource(source);
  if (written === null)
    return fault(context.fieldOf('documents'), 'A document in base64 must be a PDF or a plain text.');
  const title = name === null ? {} : { title: name };
  const cited = citations ? { citations: { enabled: true } } : {};
  return [{ type: 'document', source: written, ...title, ...cited, ...writeCacheMark(cache) }];
}

function documentSource(source: DocumentPart['source']): JsonObject | null {
  if (source.kind === 'url') return writeUrl(source);
  if (source.kind === 'text') return plainText(source.text);
  if (source.base64.startsWith(PDF) || source.mediaType === 'application/pdf')
    return { type: 'base64', media_type: 'application/pdf', data: source.base64 };
  return source.mediaType === 'text/plain' ? plainText(Buffer.from(source.base64, 'base64').toString('utf8')) : null;
}

function plainText(text: string): JsonObject {
  return { type: 'text', media_type: 'text/plain', data: text };
}

export function resultBlocks(results: readonly ToolResult[], context: BlockContext): Blocks {
  return mapOrFault(results, (result) => {
    const content = userBlocks(result.parts, context);
    if (isFault(content)) return content;
    return {
      type: 'tool_result',
      tool_use_id: context.idOf(result.callId),
      ...(content.length > 0 && { content }),
      ...(result.isError && { is_error: true }),
      ...writeCacheMark(result.cache),
    };
  });
}

export function assistantBlocks(parts: readonly AssistantPart[], context: BlockContext): Blocks {
  const blocks = mapOrFault(parts, (part): Blocks => {
    switch (part.kind) {
      case 'text':
        return textBlocks([part]);
      case 'refusal':
        return textBlocks([{ kind: 'text', text: part.text }]);
      case 'thinking':
        return thinkingBlocks(part);
      case 'tool_call':
        return callBlock(part, context);
      default:
        return part satisfies never;
    }
  });
  return isFault(blocks) ? blocks : blocks.flat();
}

/** Thoughts go back unchanged to the maker that sealed them. Claude refuses all others, so they are left out. */
function thinkingBlocks({ text, sealed }: ThinkingPart): readonly JsonObject[] {
  if (sealed === null || sealed.maker !== 'anthropic') return [];
  return sealed.kind === 'redacted'
    ? [{ type: 'redacted_thinking', data: sealed.data }]
    : [{ type: 'thinking', thinking: text, signature: sealed.data }];
}

function callBlock({ id, name, input, custom, cache }: ToolCallPart, context: BlockContext): Blocks {
  const args = custom ? wrapInput(input) : isBlank(input) ? '{}' : input;
  const object = parseObject(args);
  if (object === null)
    return fault(context.fieldOf('turns'), 'The arguments of a tool call in the history must be JSON of an object.');
  return [
    { type: 'tool_use', id: context.idOf(id), name: context.nameOf(name), input: object, ...writeCacheMark(cache) },
  ];
}
