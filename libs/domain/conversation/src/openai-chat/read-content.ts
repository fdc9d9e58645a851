import type {
  AudioPart,
  CacheMark,
  DocumentPart,
  ImagePart,
  RefusalPart,
  TextPart,
  ThinkingPart,
} from '../conversation.js';
import type { JsonObject } from '../dialect-codec.js';
import type { FieldReader } from '../field-reader.js';
import { isObject } from '../fields.js';
import { imageTypeOf, readDataUrl } from '../image-type.js';
import { readEach, readNested } from '../nested-fields.js';
import { NOT_CARRIED } from './known-fields.js';
import { contentPieces } from './read-reply.js';

type Part = TextPart | ImagePart | DocumentPart | AudioPart | RefusalPart | ThinkingPart;

/** Types of parts, and where each of them may stand. */
export const SYSTEM_PARTS: readonly string[] = ['text'];
export const USER_PARTS: readonly string[] = ['text', 'image_url', 'input_audio', 'file'];
export const ASSISTANT_PARTS: readonly string[] = ['text', 'refusal', 'thinking'];
export const TOOL_PARTS: readonly string[] = ['text', 'image_url', 'file'];

/** Mistral's models think in parts of their answers, and say whether a thought came to its end. */
const THOUGHT_FIELDS = ['thinking', 'signature', 'closed'];

const WEB = /^https?:\/\//i;
const PDF = /^JVBERi0/;

/**
 * The parts of a message: a string is the same as a list of one text. Empty texts are left out, since other makers
 * refuse them. `types` are the parts that may stand there.
 */
export function readContent<Kind extends Part>(
  message: FieldReader,
  { content, cache_control: mark }: JsonObject,
  types: readonly string[],
): readonly Kind[] {
  const parts = typeof content === 'string' ? textParts(content) : readList(message, types);
  // A mark on the message stands for one on its last part.
  const last = parts.at(-1);
  const cache = cacheOf({ cache_control: mark });
  return (last === undefined ? parts : [...parts.slice(0, -1), { ...last, ...cache }]) as readonly Kind[];
}

/** The mark for caches on a part, a message or a tool: OpenAI knows none, but clients send it for Claude. */
export function cacheOf(object: JsonObject): { readonly cache?: CacheMark } {
  const mark = object['cache_control'];
  if (!isObject(mark)) return {};
  return { cache: { ttl: mark['ttl'] === '1h' ? '1h' : '5m' } };
}

function textParts(text: string): readonly Part[] {
  return text === '' ? [] : [{ kind: 'text', text }];
}

function readList(message: FieldReader, types: readonly string[]): readonly Part[] {
  return readEach(message, 'content', (fields, object) => {
    const type = fields.oneOf('type', types);
    if (type === null) fields.refuse('type', `${fields.pathOf('type')} must be one of ${types.join(', ')}.`);
    const own = type === 'thinking' ? THOUGHT_FIELDS : [type ?? 'type'];
    fields.only(new Set(['type', 'cache_control', 'prompt_cache_breakpoint', ...own]), NOT_CARRIED);
    const part = readPart(fields, type, object);
    return part === null ? null : { ...part, ...cacheOf(object) };
  }).filter((part) => part !== null);
}

function readPart(fields: FieldReader, type: string | null, object: JsonObject): Part | null {
  switch (type) {
    case 'text':
      return textParts(required(fields, 'text'))[0] ?? null;
    case 'refusal':
      return { kind: 'refusal', text: required(fields, 'refusal') };
    case 'thinking': {
      const text = contentPieces([object])
        .map((piece) => piece.text)
        .join('');
      return text === '' ? null : { kind: 'thinking', text, sealed: null };
    }
    case 'image_url':
      return readImage(fields, object['image_url']);
    case 'input_audio':
      return readNested(fields, type, object[type], readAudio);
    case 'file':
      return readNested(fields, type, object[type], readFile);
    case null:
    default:
      return null;
  }
}

function required(fields: FieldReader, name: string): string {
  const value = fields.text(name);
  if (value === null) fields.refuse(name, `${fields.pathOf(name)} must be a string.`);
  return value ?? '';
}

function readImage(part: FieldReader, value: unknown): ImagePart | null {
  if (typeof value === 'string') return imageOf(part, 'image_url', value, null);
  return readNested(part, 'image_url', value, (fields) => {
    // LiteLLM adds the media type as `format`; the bytes of the image tell it.
    fields.only(new Set(['url', 'detail', 'format']), NOT_CARRIED);
    return imageOf(fields, 'url', required(fields, 'url'), fields.text('detail'));
  });
}

function imageOf(fields: FieldReader, name: string, url: string, detail: string | null): ImagePart | null {
  if (WEB.test(url)) return { kind: 'image', source: { kind: 'url', url }, detail };
  const base64 = readDataUrl(url)?.base64;
  const mediaType = base64 === undefined ? null : imageTypeOf(base64);
  if (base64 === undefined || mediaType === null) {
    const path = fields.pathOf(name);
    fields.refuse(name, `${path} must be a web address, or a data URL of a PNG, JPEG, GIF or WebP image in base64.`);
    return null;
  }
  return { kind: 'image', source: { kind: 'data', mediaType, base64 }, detail };
}

function readAudio(fields: FieldReader): AudioPart {
  fields.only(new Set(['data', 'format']), NOT_CARRIED);
  return { kind: 'audio', format: required(fields, 'format'), base64: required(fields, 'data') };
}

/** A file by its data: the ids of files belong to the account at the provider, not to the caller. */
function readFile(fields: FieldReader): DocumentPart | null {
  if (fields.text('file_id') !== null)
    fields.refuse('file_id', 'Files of the account at the provider cannot be used. Send the file as `file_data`.');
  fields.only(new Set(['file_data', 'filename', 'file_id']), NOT_CARRIED);
  const source = sourceOf(required(fields, 'file_data'));
  if (source === null) {
    fields.refuse('file_data', `${fields.pathOf('file_data')} must be a data URL of a PDF or of a text, in base64.`);
    return null;
  }
  return { kind: 'document', source, name: fields.text('filename'), citations: false };
}

function sourceOf(data: string): DocumentPart['source'] | null {
  if (WEB.test(data)) return { kind: 'url', url: data };
  const { mediaType, base64 } = readDataUrl(data) ?? { mediaType: '', base64: data };
  if (PDF.test(base64)) return { kind: 'data', mediaType: 'application/pdf', base64 };
  if (mediaType.startsWith('text/')) return { kind: 'text', text: Buffer.from(base64, 'base64').toString('utf8') };
  return null;
}
