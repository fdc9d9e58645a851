import type { DocumentPart, ImagePart, TextPart, ThinkingPart, ToolCallPart, ToolResult } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { writeJson } from '../exact-json.js';
import { fault, isFault } from '../fault.js';
import { isObject, textOf } from '../fields.js';
import { imageTypeOf } from '../image-type.js';
import { mapOrFault } from '../map-or-fault.js';
import { readCacheMark } from './cache-marks.js';
import { sealOf } from './foreign-thoughts.js';
import { notCarried, unknownField } from './known-fields.js';
import { readToolChange, type ToolChange } from './mid-conversation.js';

/** What the content of a message is made of. */
export type ReadBlock =
  | TextPart
  | ImagePart
  | DocumentPart
  | ThinkingPart
  | ToolCallPart
  | { readonly kind: 'result'; readonly result: ToolResult }
  | { readonly kind: 'tool_change'; readonly change: ToolChange };

type BlockReader = (block: JsonObject, path: string) => ReadBlock | Fault;

interface BlockType {
  /** The fields that are read, or that make no difference to what the model is told. Any other is a fault. */
  readonly fields: ReadonlySet<string>;
  readonly read: BlockReader;
}

/** Fields of any block, which tell what is kept in Anthropic's cache. */
const MARKS = ['cache_control', 'cache_reference'];
const TEXT: BlockType = { fields: new Set(['type', 'text', 'citations', ...MARKS]), read: readText };
const IMAGE: BlockType = { fields: new Set(['type', 'source', ...MARKS]), read: readImage };
const DOCUMENT: BlockType = {
  fields: new Set(['type', 'source', 'title', 'citations', ...MARKS]),
  read: readDocument,
};
const TOOL_RESULT: BlockType = {
  fields: new Set(['type', 'tool_use_id', 'content', 'is_error', ...MARKS]),
  read: readToolResult,
};
const TOOL_USE: BlockType = {
  fields: new Set(['type', 'id', 'name', 'input', 'caller', ...MARKS]),
  read: readToolUse,
};
const TOOL_REFERENCE: BlockType = { fields: new Set(['type', 'tool_name', ...MARKS]), read: readToolReference };
const THINKING: BlockType = { fields: new Set(['type', 'thinking', 'signature']), read: readThinking };
const TOOL_CHANGE: BlockType = { fields: new Set(['type', 'tool', ...MARKS]), read: readChange };
const REDACTED: BlockType = { fields: new Set(['type', 'data']), read: readRedacted };

/** The types of blocks that each place may hold. */
export const BLOCKS = {
  system: { text: TEXT },
  /** A message of the system that stands among the others. */
  laterSystem: { text: TEXT, tool_addition: TOOL_CHANGE, tool_removal: TOOL_CHANGE },
  user: { text: TEXT, image: IMAGE, document: DOCUMENT, tool_result: TOOL_RESULT },
  assistant: { text: TEXT, tool_use: TOOL_USE, thinking: THINKING, redacted_thinking: REDACTED },
  result: { text: TEXT, image: IMAGE, document: DOCUMENT, tool_reference: TOOL_REFERENCE },
} as const;

type Types = Readonly<Record<string, BlockType>>;

/** Content, which is a string or a list of blocks. A string is the same as a list of one text. */
export function readContent(content: unknown, types: Types, path: string): readonly ReadBlock[] | Fault {
  if (typeof content === 'string') return [{ kind: 'text', text: content }];
  if (!Array.isArray(content)) return fault(path, 'The content must be a string or a list of blocks.');
  return mapOrFault(content, (block, at) => readBlock(block, types, `${path}[${at}]`));
}

function readBlock(block: unknown, types: Types, path: string): ReadBlock | Fault {
  if (!isObject(block)) return fault(path, 'A block must be an object.');
  const name = block['type'];
  const type = typeof name === 'string' && Object.hasOwn(types, name) ? types[name] : undefined;
  if (type === undefined)
    return fault(
      `${path}.type`,
      `Only blocks of these types can be carried to a model of another maker here: ${Object.keys(types).join(', ')}.`,
    );
  const unknown = unknownField(block, type.fields);
  if (unknown !== undefined) return notCarried(`${path}.${unknown}`);
  return type.read(block, path);
}

function readText(block: JsonObject, path: string): TextPart | Fault {
  const text = block['text'];
  if (typeof text !== 'string') return fault(`${path}.text`, 'The text of a block must be a string.');
  const cache = readCacheMark(block, path);
  return isFault(cache) ? cache : { kind: 'text', text, ...cache };
}

function readImage(block: JsonObject, path: string): ImagePart | Fault {
  const source = readImageSource(block['source'], `${path}.source`);
  if (isFault(source)) return source;
  const cache = readCacheMark(block, path);
  return isFault(cache) ? cache : { kind: 'image', source, detail: null, ...cache };
}

function readImageSource(source: unknown, path: string): ImagePart['source'] | Fault {
  if (!isObject(source)) return fault(path, 'The source of an image must be an object.');
  const { type, url, data } = source;
  if (type === 'url') return textOf(url) === null ? noUrl(path) : { kind: 'url', url: url as string };
  if (type === 'file') return ofAccount(path);
  if (type !== 'base64') return fault(`${path}.type`, 'The source of an image is carried as url or base64.');
  const mediaType = typeof data === 'string' ? imageTypeOf(data) : null;
  if (mediaType === null)
    return fault(`${path}.data`, 'The data of an image must be base64 of a PNG, JPEG, GIF or WebP.');
  return { kind: 'data', mediaType, base64: data as string };
}

function ofAccount(path: string): Fault {
  return fault(`${path}.file_id`, 'A file of a provider belongs to one account; send its content or its URL.');
}

function noUrl(path: string): Fault {
  return fault(`${path}.url`, 'The URL of a source must be a string.');
}

function readDocument(block: JsonObject, path: string): DocumentPart | Fault {
  const source = readDocumentSource(block['source'], `${path}.source`);
  if (isFault(source)) return source;
  const { title, citations } = block;
  if (title !== undefined && title !== null && typeof title !== 'string')
    return fault(`${path}.title`, 'The title of a document must be a string.');
  const cache = readCacheMark(block, path);
  if (isFault(cache)) return cache;
  const cited = isObject(citations) && citations['enabled'] === true;
  return { kind: 'document', source, name: title ?? null, citations: cited, ...cache };
}

function readDocumentSource(source: unknown, path: string): DocumentPart['source'] | Fault {
  if (!isObject(source)) return fault(path, 'The source of a document must be an object.');
  const { type, url, data, content } = source;
  switch (type) {
    case 'url':
      return textOf(url) === null ? noUrl(path) : { kind: 'url', url: url as string };
    case 'text':
      return typeof data === 'string'
        ? { kind: 'text', text: data }
        : fault(`${path}.data`, 'The data of a text must be a string.');
    case 'base64':
      return typeof data === 'string' && source['media_type'] === 'application/pdf'
        ? { kind: 'data', mediaType: 'application/pdf', base64: data }
        : fault(path, 'A document in base64 must be of the media type application/pdf.');
    case 'file':
      return ofAccount(path);
    case 'content':
      return readDocumentContent(content, `${path}.content`);
    default:
      return fault(`${path}.type`, 'The source of a document is carried as url, base64, text or content.');
  }
}

/** A document in blocks becomes one text; images in it are refused. */
function readDocumentContent(content: unknown, path: string): DocumentPart['source'] | Fault {
  const blocks = readContent(content, { text: TEXT }, path);
  if (isFault(blocks)) return blocks;
  const texts = blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : []));
  return { kind: 'text', text: texts.join('\n\n') };
}

function readToolResult(block: JsonObject, path: string): ReadBlock | Fault {
  const { tool_use_id: callId, content, is_error: isError } = block;
  if (typeof callId !== 'string' || callId === '')
    return fault(`${path}.tool_use_id`, 'A result must have the id of the tool use that it belongs to.');
  const parts = content === undefined || content === null ? [] : readContent(content, BLOCKS.result, `${path}.content`);
  if (isFault(parts)) return parts;
  const cache = readCacheMark(block, path);
  if (isFault(cache)) return cache;
  const result = { callId, parts: parts as ToolResult['parts'], isError: isError === true, custom: false, ...cache };
  return { kind: 'result', result };
}

/** A tool that a search has found. All tools are declared from the beginning, so its name says enough. */
function readToolReference(block: JsonObject, path: string): TextPart | Fault {
  const name = block['tool_name'];
  if (typeof name !== 'string' || name === '')
    return fault(`${path}.tool_name`, 'A reference to a tool must have its name.');
  const cache = readCacheMark(block, path);
  return isFault(cache) ? cache : { kind: 'text', text: `Tool available: ${name}`, ...cache };
}

function readChange(block: JsonObject, path: string): ReadBlock | Fault {
  const change = readToolChange(block, path);
  return isFault(change) ? change : { kind: 'tool_change', change };
}

function readToolUse(block: JsonObject, path: string): ToolCallPart | Fault {
  const { id, name, input } = block;
  if (typeof id !== 'string' || id === '') return fault(`${path}.id`, 'A tool use must have an id.');
  if (typeof name !== 'string' || name === '')
    return fault(`${path}.name`, 'A tool use must have the name of its tool.');
  if (input !== undefined && input !== null && !isObject(input))
    return fault(`${path}.input`, 'The input of a tool use must be an object.');
  const cache = readCacheMark(block, path);
  if (isFault(cache)) return cache;
  return { kind: 'tool_call', id, name, input: writeJson(input ?? {}), custom: false, ...cache };
}

function readThinking(block: JsonObject, path: string): ThinkingPart | Fault {
  const { thinking, signature } = block;
  if (typeof thinking !== 'string')
    return fault(`${path}.thinking`, 'A thought must have its text, which may be empty.');
  return { kind: 'thinking', text: thinking, sealed: sealOf(typeof signature === 'string' ? signature : '') };
}

function readRedacted(block: JsonObject, path: string): ThinkingPart | Fault {
  const { data } = block;
  if (typeof data !== 'string') return fault(`${path}.data`, 'A redacted thought must have its data.');
  return { kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'redacted', data } };
}
