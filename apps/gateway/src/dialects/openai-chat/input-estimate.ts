import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  NATIVE_AFTER,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from '../../json-scan/json-tokens.js';
import { STEP_BYTES } from '../request-scan/body-scan.js';
import { atOnce, bytesOfEscapes, BYTES_IN_TOKEN, inSteps, textTokens } from '../request-scan/text-estimate.js';
import type { ChatFields } from './chat-fields.js';
import type { MediaKind } from '../../request-path/usage/media-tokens.js';
import {
  IMAGE_TOKENS,
  LOW_DETAIL_IMAGE_TOKENS,
  mediaTokens,
  REFERENCE_TOKENS,
} from '../../request-path/usage/media-tokens.js';

const SPACE = 0x20;
/** A message is an object in the list of messages, a part one in the list of a message's content. */
const MESSAGE_DEPTH = 2,
  PART_DEPTH = 4;
/** The longest name or type that means something here. */
const NAME_LENGTH_MAX = 11;

/** What is no text, by the type of a part and by the name of the field that holds it. */
const KINDS: ReadonlyMap<string, MediaKind> = new Map([
  ['image_url', 'image'],
  ['input_image', 'image'],
  ['image', 'image'],
  ['input_audio', 'audio'],
  ['audio_url', 'audio'],
  ['audio', 'audio'],
  ['video_url', 'video'],
  ['input_video', 'video'],
  ['video', 'video'],
  ['file', 'file'],
  ['input_file', 'file'],
  ['document', 'file'],
  ['file_data', 'file'],
  ['file_id', 'file'],
  ['file_url', 'file'],
]);
/** The fields in which such a part holds its data, or says where they are. */
const HOLDERS: ReadonlySet<string> = new Set([
  'url',
  'data',
  'image_url',
  'image',
  'input_audio',
  'audio_url',
  'audio',
  'video_url',
  'video',
  'file',
  'file_data',
  'file_id',
  'file_url',
]);

interface Media {
  /** What stands for something that is no text, in bytes of the body. */
  bytes: number;
  tokens: number;
}

/**
 * Input tokens of a chat body by our own count, for the tokens-per-minute limit and for what is charged where no
 * report comes: four bytes a token over all that was sent, but images, audio, video and files, inline or by reference,
 * have a figure for each part (`mediaTokens`), whatever their base64 has in bytes.
 *
 * Only a body whose messages hold parts is looked at again: once, without building anything, long strings natively.
 */
export function estimateInputTokens(body: Buffer, fields: ChatFields): number {
  return fields.nestedMessages ? atOnce(estimateSteps(body, fields)) : textTokens(body);
}

/** The same, with a turn of the event loop between its steps. */
export function estimateInputTokensInSteps(
  body: Buffer,
  fields: ChatFields,
  nextTurn: () => Promise<void>,
): Promise<number> {
  return inSteps(estimateSteps(body, fields), nextTurn);
}

/** Stops after each step with the place in the body that it has come to. */
export function* estimateSteps(body: Buffer, fields: ChatFields): Generator<number, number> {
  const { messages, nestedMessages } = fields;
  const bytes = body.length - (yield* bytesOfEscapes(body));
  if (!nestedMessages || messages === null) return Math.ceil(bytes / BYTES_IN_TOKEN);
  const media = yield* mediaIn(body, messages.start, messages.end);
  return Math.ceil(Math.max(bytes - media.bytes, 0) / BYTES_IN_TOKEN) + media.tokens;
}

/** What is no text in the messages of a body whose grammar has been checked. */
function* mediaIn(body: Buffer, start: number, end: number): Generator<number, Media> {
  const parts = new PartsReader();
  let depth = 0;
  let step = start + STEP_BYTES;
  for (let at = start; at < end;) {
    if (at >= step) {
      yield at;
      step = at + STEP_BYTES;
    }
    const byte = body[at]!;
    if (byte === QUOTE) {
      let close = stringEnd(body, at + 1, end);
      while (close < 0) {
        yield ~close;
        close = stringEnd(body, ~close, end);
      }
      const next = skipSpace(body, close + 1);
      if (body[next] === COLON) parts.name(body, at + 1, close, depth);
      else parts.text(body, at + 1, close, depth);
      at = body[next] === COLON ? next + 1 : next;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth === PART_DEPTH) parts.open();
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    at += 1;
  }
  return parts.media;
}

/** Is told the names and strings of messages one by one, and adds up what is no text. */
class PartsReader {
  readonly media: Media = { bytes: 0, tokens: 0 };
  #inContent = false;
  #name = '';
  #nameDepth = 0;
  #kind: MediaKind | null = null;
  #images = 0;
  #lowDetail = false;

  /** A part begins. */
  open(): void {
    this.#kind = null;
    this.#images = 0;
    this.#lowDetail = false;
  }

  name(body: Buffer, start: number, end: number, depth: number): void {
    if (depth === MESSAGE_DEPTH) this.#inContent = shortText(body, start, end) === 'content';
    if (depth < PART_DEPTH || !this.#inContent) return;
    this.#name = shortText(body, start, end);
    this.#nameDepth = depth;
    this.#kind = this.#name === 'text' ? null : (KINDS.get(this.#name) ?? this.#kind);
  }

  text(body: Buffer, start: number, end: number, depth: number): void {
    if (depth < PART_DEPTH || !this.#inContent) return;
    if (this.#name === 'type') this.#kind = KINDS.get(shortText(body, start, end)) ?? this.#kind;
    else if (this.#name === 'detail') this.#lower(shortText(body, start, end));
    else if (this.#kind !== null && HOLDERS.has(this.#name)) {
      // A video may be a list of its frames.
      this.#add(body, start, end, this.#kind === 'video' && depth > this.#nameDepth ? 'image' : this.#kind);
    }
  }

  #add(body: Buffer, start: number, end: number, kind: MediaKind): void {
    // An id of a file says nothing of its size.
    const tokens = this.#name === 'file_id' ? REFERENCE_TOKENS : mediaTokens(kind, body, start, end);
    this.media.bytes += end - start;
    this.media.tokens += tokens;
    if (tokens !== IMAGE_TOKENS || kind !== 'image') return;
    this.#images += 1;
    if (this.#lowDetail) this.media.tokens -= IMAGE_TOKENS - LOW_DETAIL_IMAGE_TOKENS;
  }

  /** Stands before the image or behind it. */
  #lower(detail: string): void {
    if (detail !== 'low' || this.#lowDetail) return;
    this.#lowDetail = true;
    this.media.tokens -= this.#images * (IMAGE_TOKENS - LOW_DETAIL_IMAGE_TOKENS);
  }
}

/** A name or a type that may mean something here; the empty text for any other. */
function shortText(body: Buffer, start: number, end: number): string {
  return end - start > NAME_LENGTH_MAX ? '' : body.toString('latin1', start, end);
}

function skipSpace(body: Buffer, from: number): number {
  let at = from;
  while (body[at]! <= SPACE) at += 1;
  return at;
}

/**
 * The closing quote of a string, from the byte after its opening one. Short strings, and the stretches between escaped
 * quotes, are read byte by byte: a native search costs as much as some fifty of them. After a step within one string
 * the answer is `~` of where to go on.
 */
function stringEnd(body: Buffer, from: number, end: number): number {
  const limit = from + STEP_BYTES;
  for (let at = from; ;) {
    if (at >= limit) return ~at;
    const near = Math.min(at + NATIVE_AFTER, end);
    while (at < near) {
      const byte = body[at]!;
      if (byte === QUOTE) return at;
      at += byte === BACKSLASH ? 2 : 1;
    }
    const quote = body.indexOf(QUOTE, at);
    if (quote === -1) return end;
    let slash = quote - 1;
    while (slash >= at && body[slash] === BACKSLASH) slash -= 1;
    if ((quote - 1 - slash) % 2 === 0) return quote;
    at = quote + 1;
  }
}
