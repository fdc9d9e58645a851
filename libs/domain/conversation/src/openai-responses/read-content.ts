import type {
  AssistantPart,
  AudioPart,
  DocumentPart,
  ImagePart,
  Source,
  TextPart,
  ToolResult,
  UserPart,
} from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { fieldsOf, isObject, textOf } from '../fields.js';
import { imageTypeOf, readDataUrl } from '../image-type.js';

type ReadPart<Part> = (part: JsonObject, path: string) => Part | Fault;

const TEXT_TYPES: ReadonlySet<unknown> = new Set(['input_text', 'output_text', 'text']);
const STORED = 'Files that a provider keeps cannot be carried. Send the content itself, or its address.';
const OTHER_TYPE = 'Content of this type cannot be carried here.';

/** The parts of a user's message. A string stands for a list of one text. Empty texts are left out. */
export function readUserParts(content: unknown, path: string): readonly UserPart[] | Fault {
  return readParts<UserPart>(content, path, (part, at) =>
    part['type'] === 'input_audio' ? readAudio(part, at) : readInputPart(part, at),
  );
}

/** The parts of what the operator of an application says, which is text. */
export function readSystemParts(content: unknown, path: string): readonly TextPart[] | Fault {
  return readParts<TextPart>(content, path, () => null);
}

/** The parts of a message of the assistant: texts and refusals. */
export function readAssistantParts(content: unknown, path: string): readonly AssistantPart[] | Fault {
  return readParts<AssistantPart>(content, path, (part) => {
    if (part['type'] !== 'refusal' || typeof part['refusal'] !== 'string') return null;
    return { kind: 'refusal', text: part['refusal'] };
  });
}

/** The parts of a tool's result. */
export function readResultParts(output: unknown, path: string): ToolResult['parts'] | Fault {
  return readParts<ToolResult['parts'][number]>(output, path, readInputPart);
}

/** `readOther` reads what is no text; null if it does not know it. */
function readParts<Part>(
  content: unknown,
  path: string,
  readOther: (part: JsonObject, path: string) => Part | Fault | null,
): readonly (Part | TextPart)[] | Fault {
  if (content === null || content === undefined || content === '') return [];
  if (typeof content === 'string') return [{ kind: 'text', text: content }];
  if (!Array.isArray(content)) return fault(path, `${path} must be a string or a list of parts.`);
  const parts: (Part | TextPart)[] = [];
  for (const [index, value] of content.entries()) {
    const at = `${path}[${index}]`;
    const part = isObject(value) ? readPart(value, at, readOther) : fault(at, `${at} must be an object.`);
    if (isFault(part)) return part;
    if (part !== null) parts.push(part);
  }
  return parts;
}

/** Null for an empty text. */
function readPart<Part>(
  part: JsonObject,
  path: string,
  readOther: (part: JsonObject, path: string) => Part | Fault | null,
): Part | TextPart | Fault | null {
  if (!TEXT_TYPES.has(part['type'])) return readOther(part, path) ?? fault(`${path}.type`, OTHER_TYPE);
  if (typeof part['text'] !== 'string') return fault(`${path}.text`, `${path}.text must be a string.`);
  return part['text'] === '' ? null : { kind: 'text', text: part['text'] };
}

function readInputPart(part: JsonObject, path: string): ImagePart | DocumentPart | Fault | null {
  const read = INPUT_PARTS.get(part['type']);
  if (read === undefined) return null;
  const { file_id: fileId } = part;
  return fileId === undefined || fileId === null ? read(part, path) : fault(`${path}.file_id`, STORED);
}

const INPUT_PARTS: ReadonlyMap<unknown, ReadPart<ImagePart | DocumentPart>> = new Map<
  unknown,
  ReadPart<ImagePart | DocumentPart>
>([
  ['input_image', readImage],
  ['input_file', readFile],
]);

function readImage(part: JsonObject, path: string): ImagePart | Fault {
  const url = textOf(part['image_url']) ?? textOf(fieldsOf(part['image_url'])['url']);
  if (url === null) return fault(`${path}.image_url`, `${path}.image_url must be an address or a data URL.`);
  const source = readImageUrl(url, `${path}.image_url`);
  return isFault(source) ? source : { kind: 'image', source, detail: textOf(part['detail']) };
}

function readImageUrl(url: string, path: string): Source | Fault {
  if (!url.toLowerCase().startsWith('data:')) return { kind: 'url', url };
  const data = readDataUrl(url);
  if (data === null) return fault(path, `${path} must have its data in base64.`);
  const mediaType = imageTypeOf(data.base64);
  if (mediaType === null) return fault(path, 'An image must be PNG, JPEG, GIF or WebP.');
  return { kind: 'data', mediaType, base64: data.base64 };
}

function readFile(part: JsonObject, path: string): DocumentPart | Fault {
  const name = textOf(part['filename']);
  const url = textOf(part['file_url']);
  const data = textOf(part['file_data']);
  if (url === null && data === null) return fault(path, `${path} must have file_data or file_url.`);
  const source: DocumentPart['source'] = data === null ? { kind: 'url', url: url ?? '' } : readFileData(data);
  return { kind: 'document', source, name, citations: false };
}

/** Base64, or a data URL. A text is given as text, which each dialect can carry. */
function readFileData(data: string): DocumentPart['source'] {
  const { mediaType, base64 } = readDataUrl(data) ?? { mediaType: '', base64: data };
  if (base64.startsWith(PDF)) return { kind: 'data', mediaType: 'application/pdf', base64 };
  if (mediaType.startsWith('text/')) return { kind: 'text', text: Buffer.from(base64, 'base64').toString('utf8') };
  return { kind: 'data', mediaType: mediaType === '' ? 'application/octet-stream' : mediaType, base64 };
}

/** `%PDF-` in base64, but for the last bits, which the next byte decides. */
const PDF = 'JVBERi';

function readAudio(part: JsonObject, path: string): AudioPart | Fault {
  const { data, format } = fieldsOf(part['input_audio']);
  if (typeof data !== 'string' || typeof format !== 'string')
    return fault(`${path}.input_audio`, `${path}.input_audio must have data and format.`);
  return { kind: 'audio', format, base64: data };
}
