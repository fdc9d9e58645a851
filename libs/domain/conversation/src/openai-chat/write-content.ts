import type { AudioPart, DocumentPart, ImagePart, TextPart, UserPart } from '../conversation.js';
import type { Fault, Feature, JsonObject } from '../dialect-codec.js';
import { fault } from '../fault.js';
import { mapOrFault } from '../map-or-fault.js';

/** What parts are written with. */
export interface PartNames {
  /** Finds the caller's field of a feature, for faults. */
  fieldOf(feature: Feature): string;
}

/** One text as a string, several as a list: each compatible server reads the string. */
export function writeTexts(parts: readonly TextPart[]): string | readonly JsonObject[] {
  const [first, ...more] = parts;
  if (more.length === 0) return first?.text ?? '';
  return parts.map(({ text }) => ({ type: 'text', text }));
}

/** The content of a user's message. */
export function writeParts(parts: readonly UserPart[], names: PartNames): string | readonly JsonObject[] | Fault;
export function writeParts(parts: readonly UserPart[], names: PartNames, form: 'list'): readonly JsonObject[] | Fault;
export function writeParts(
  parts: readonly UserPart[],
  names: PartNames,
  form?: 'list',
): string | readonly JsonObject[] | Fault {
  const [first, ...more] = parts;
  if (form !== 'list' && more.length === 0 && first?.kind === 'text') return first.text;
  return mapOrFault(parts, (part) => writePart(part, names));
}

function writePart(part: UserPart, names: PartNames): JsonObject | Fault {
  switch (part.kind) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return writeImage(part);
    case 'audio':
      return writeAudio(part);
    case 'document':
      return writeDocument(part, names);
    default:
      return part satisfies never;
  }
}

function writeImage({ source, detail }: ImagePart): JsonObject {
  const url = source.kind === 'url' ? source.url : `data:${source.mediaType};base64,${source.base64}`;
  return { type: 'image_url', image_url: { url, ...(detail === null ? {} : { detail }) } };
}

function writeAudio({ base64, format }: AudioPart): JsonObject {
  return { type: 'input_audio', input_audio: { data: base64, format } };
}

/**
 * A PDF is a file. A text is text, after a line with its name. An address has no counterpart: nobody would fetch it.
 */
function writeDocument({ source, name, citations }: DocumentPart, { fieldOf }: PartNames): JsonObject | Fault {
  if (citations) return fault(fieldOf('documents'), 'This model cannot cite documents. Send it without citations.');
  switch (source.kind) {
    case 'url':
      return fault(fieldOf('documents'), 'This model takes a document as data, not by its address.');
    case 'text':
      return { type: 'text', text: name === null ? source.text : `${name}:\n${source.text}` };
    case 'data':
      return {
        type: 'file',
        file: {
          filename: name ?? 'document.pdf',
          file_data: `data:${source.mediaType};base64,${source.base64}`,
        },
      };
    default:
      return source satisfies never;
  }
}
