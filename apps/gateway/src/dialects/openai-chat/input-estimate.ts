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
/** The depth of a message in the list of messages, and of a part in the list of a message's content. */
const MESSAGE_DEPTH = 2,
  PART_DEPTH = 4;
/** The longest name or type that is looked up here. */
const NAME_LENGTH_MAX = 11;

/** The fields of a message with parts; `output` is that of a result in Responses. */
const CONTENT: ReadonlySet<string> = new Set(['content', 'output']);

/** Content that is no text, by the type of a part and by the name of the field that contains it. */
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
/** The fields in which such a part has its data or their address. */
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

/** The place of the messages, or of the items of Responses, which have their content in the same place. */
type Messages = Pick<ChatFields, 'messages' | 'nestedMessages'>;

interface Media {
  /** Bytes of the body that stand for content that is no text. */
  bytes: number;
  tokens: number;
}

/**
 * Estimates the input tokens of a chat body, for the tokens-per-minute limit and for the charge if no usage is
 * reported: one token for each four bytes. Images, audio, video and files, inline or by reference, have a figure for
 * each part (`mediaTokens`) instead of the length of their base64.
 *
 * Only a body whose messages contain parts is read a second time, in one pass that builds nothing and searches long
 * strings natively.
 */
export function estimateInputTokens(body: Buffer, fields: Messages): number {
  return fields.nestedMessages ? atOnce(estimateSteps(body, fields)) : textTokens(body);
}

/** Estimates in steps, with a turn of the event loop between them. */
export function estimateInputTokensInSteps(
  body: Buffer,
  fields: Messages,
  nextTurn: () => Promise<void>,
): Promise<number> {
  return inSteps(estimateSteps(body, fields), nextTurn);
}

/** Estimates in steps. Yields the place in the body after each step. */
export function* estimateSteps(body: Buffer, fields: Messages): Generator<number, number> {
  const { messages, nestedMessages } = fields;
  const bytes = body.length - (yield* bytesOfEscapes(body));
  if (!nestedMessages || messages === null) return Math.ceil(bytes / BYTES_IN_TOKEN);
  const media = yield* mediaIn(body, messages.start, messages.end);
  return Math.ceil(Math.max(bytes - media.bytes, 0) / BYTES_IN_TOKEN) + media.tokens;
}

/** Adds up the content that is no text in the messages of a body whose grammar has been checked. */
function* mediaIn(body: Buffer, start: number, end: number): Generator<number, Media> {
  const parts = new PartsReader();
  let depth = 0;
  let step = start + STEP_BYTES;
  for (let at = start; at < end;) {
    if (at >= step) {
      yield at;
      step = at + STEP_BYTES;
    }
    const byte = body[at];
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

/** Receives the names and strings of messages one by one, and adds up the content that is no text. */
class PartsReader {
  readonly media: Media = { bytes: 0, tokens: 0 };
  #inContent = false;
  #name = '';
  #nameDepth = 0;
  #kind: MediaKind | null = null;
  #images = 0;
  #lowDetail = false;

  /** Call it at the beginning of a part. */
  open(): void {
    this.#kind = null;
    this.#images = 0;
    this.#lowDetail = false;
  }

  name(body: Buffer, start: number, end: number, depth: number): void {
    if (depth === MESSAGE_DEPTH) this.#inContent = CONTENT.has(shortText(body, start, end));
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
      // A video may be given as a list of its frames.
      this.#add(body, start, end, this.#kind === 'video' && depth > this.#nameDepth ? 'image' : this.#kind);
    }
  }

  #add(body: Buffer, start: number, end: number, kind: MediaKind): void {
    // The id of a file says nothing about its size.
    const tokens = this.#name === 'file_id' ? REFERENCE_TOKENS : mediaTokens(kind, body, start, end);
    this.media.bytes += end - start;
    this.media.tokens += tokens;
    if (tokens !== IMAGE_TOKENS || kind !== 'image') return;
    this.#images += 1;
    if (this.#lowDetail) this.media.tokens -= IMAGE_TOKENS - LOW_DETAIL_IMAGE_TOKENS;
  }

  /** Handles `detail`, which may come before or after the image. */
  #lower(detail: string): void {
    if (detail !== 'low' || this.#lowDetail) return;
    this.#lowDetail = true;
    this.media.tokens -= this.#images * (IMAGE_TOKENS - LOW_DETAIL_IMAGE_TOKENS);
  }
}

/** A short name or type; the empty text for any that is too long to be known here. */
function shortText(body: Buffer, start: number, end: number): string {
  return end - start > NAME_LENGTH_MAX ? '' : body.toString('latin1', start, end);
}

function skipSpace(body: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = body[at];
    if (byte === undefined || byte > SPACE) return at;
    at += 1;
  }
}

/**
 * The closing quote of a string, searched from the byte after the opening one. Short strings, and the bytes between
 * escaped quotes, are read one by one, because a native search costs as much as some fifty bytes. If a step ends within
 * the string, returns `~` of the place to continue at.
 */
function stringEnd(body: Buffer, from: number, end: number): number {
  const limit = from + STEP_BYTES;
  for (let at = from; ;) {
    if (at >= limit) return ~at;
    const near = Math.min(at + NATIVE_AFTER, end);
    while (at < near) {
      const byte = body[at];
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
