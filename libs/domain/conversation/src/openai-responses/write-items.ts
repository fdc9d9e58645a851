import type {
  AssistantPart,
  DocumentPart,
  ImagePart,
  TextPart,
  ThinkingPart,
  ToolCallPart,
  ToolResult,
  Turn,
  UserPart,
} from '../conversation.js';
import type { Fault, JsonObject, ProviderSeal, WriteContext } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import type { ToolNames } from '../names.js';
import { openedBy } from './sealed-thoughts.js';

/** How names and ids are sent, and where it is noted what was left out. */
export interface ItemWriting {
  readonly names: ToolNames;
  callId(id: string): string;
  readonly leftOut: Set<string>;
  readonly fieldOf: WriteContext['fieldOf'];
  /** Opens what this target has encrypted; undefined if nothing is sealed. */
  readonly seal: ProviderSeal | undefined;
}

const NO_AUDIO = "The dialect of the model's provider has no audio in messages.";
const NO_CITATIONS = "The dialect of the model's provider cannot be asked to cite documents.";
/** OpenAI wants a name for each file. */
const FILE_NAME = 'document';

/** The items of turns, in their order. */
export function writeItems(turns: readonly Turn[], writing: ItemWriting): readonly JsonObject[] | Fault {
  const items: JsonObject[] = [];
  for (const turn of turns) {
    const written = writeTurn(turn, writing);
    if (isFault(written)) return written;
    for (const item of written) items.push(item);
  }
  return items;
}

function writeTurn(turn: Turn, writing: ItemWriting): readonly JsonObject[] | Fault {
  switch (turn.role) {
    case 'system':
      return [message('system', turn.parts.map(inputText))];
    case 'user': {
      const content = writeParts(turn.parts, writing);
      return isFault(content) ? content : [message('user', content)];
    }
    case 'assistant':
      return writeAssistant(turn.parts, writing);
    case 'tool':
      return writeResults(turn.results, writing);
    default:
      return turn satisfies never;
  }
}

function message(role: string, content: readonly JsonObject[]): JsonObject {
  return { type: 'message', role, content };
}

function inputText({ text }: { readonly text: string }): JsonObject {
  return { type: 'input_text', text };
}

function writeParts(parts: readonly UserPart[], { fieldOf }: ItemWriting): readonly JsonObject[] | Fault {
  const content: JsonObject[] = [];
  for (const part of parts) {
    if (part.kind === 'audio') return fault(fieldOf('audio'), NO_AUDIO);
    if (part.kind === 'document' && part.citations) return fault(fieldOf('documents'), NO_CITATIONS);
    content.push(writePart(part));
  }
  return content;
}

function writePart(part: TextPart | ImagePart | DocumentPart): JsonObject {
  switch (part.kind) {
    case 'text':
      return inputText(part);
    case 'image':
      return {
        type: 'input_image',
        image_url: part.source.kind === 'url' ? part.source.url : dataUrl(part.source),
        ...(part.detail === null ? {} : { detail: part.detail }),
      };
    case 'document':
      return writeDocument(part);
    default:
      return part satisfies never;
  }
}

/** A text with its name before it, since files of OpenAI are what is not a text. */
function writeDocument({ source, name }: DocumentPart): JsonObject {
  if (source.kind === 'text') return inputText({ text: name === null ? source.text : `${name}:\n${source.text}` });
  if (source.kind === 'url')
    return { type: 'input_file', file_url: source.url, ...(name === null ? {} : { filename: name }) };
  const made = source.mediaType === 'application/pdf' ? `${FILE_NAME}.pdf` : FILE_NAME;
  return { type: 'input_file', filename: name ?? made, file_data: dataUrl(source) };
}

function dataUrl({ mediaType, base64 }: { readonly mediaType: string; readonly base64: string }): string {
  return `data:${mediaType};base64,${base64}`;
}

/**
 * Texts and refusals that follow each other are one message; thoughts and calls are items of their own. A thought that
 * nothing follows is left out: OpenAI refuses it.
 */
function writeAssistant(parts: readonly AssistantPart[], writing: ItemWriting): readonly JsonObject[] {
  const items: JsonObject[] = [];
  let content: JsonObject[] | null = null;
  for (const part of parts) {
    if (part.kind === 'text' || part.kind === 'refusal') {
      if (content === null) items.push(message('assistant', (content = [])));
      content.push(
        part.kind === 'text'
          ? { type: 'output_text', text: part.text, annotations: [] }
          : { type: 'refusal', refusal: part.text },
      );
      continue;
    }
    const item = part.kind === 'thinking' ? writeThought(part, writing) : writeCall(part, writing);
    if (item === null) continue;
    items.push(item);
    content = null;
  }
  while (items.at(-1)?.['type'] === 'reasoning') {
    items.pop();
    writing.leftOut.add('thinking');
  }
  return items;
}

/** A thought that this target has encrypted goes back with the id that it had; any other is left out. */
function writeThought({ text, sealed }: ThinkingPart, { leftOut, seal }: ItemWriting): JsonObject | null {
  const encrypted = openedBy(seal, sealed);
  if (sealed === null || encrypted === null) {
    leftOut.add('thinking');
    return null;
  }
  return {
    type: 'reasoning',
    ...(sealed.id === undefined ? {} : { id: sealed.id }),
    summary: text === '' ? [] : [{ type: 'summary_text', text }],
    encrypted_content: encrypted,
  };
}

function writeCall({ id, name, input, custom }: ToolCallPart, { names, callId }: ItemWriting): JsonObject {
  const call = { call_id: callId(id), name: names.sent(name) };
  return custom ? { type: 'custom_tool_call', ...call, input } : { type: 'function_call', ...call, arguments: input };
}

function writeResults(results: readonly ToolResult[], writing: ItemWriting): readonly JsonObject[] | Fault {
  const items: JsonObject[] = [];
  for (const result of results) {
    const parts = result.isError ? withError(result.parts) : result.parts;
    const content = writeParts(parts, writing);
    if (isFault(content)) return content;
    items.push({
      type: result.custom ? 'custom_tool_call_output' : 'function_call_output',
      call_id: writing.callId(result.callId),
      output: outputOf(parts) ?? content,
    });
  }
  return items;
}

/** A result of one text, or of nothing, as a string; null for any other. */
function outputOf(parts: ToolResult['parts']): string | null {
  const [first, ...others] = parts;
  if (first === undefined) return '';
  return first.kind === 'text' && others.length === 0 ? first.text : null;
}

/** The dialect has no mark for a tool that failed: a text says it. */
function withError(parts: ToolResult['parts']): ToolResult['parts'] {
  const [first, ...others] = parts;
  if (first?.kind !== 'text') return [{ kind: 'text', text: 'The tool failed.' }, ...parts];
  return [{ ...first, text: `The tool failed: ${first.text}` }, ...others];
}
