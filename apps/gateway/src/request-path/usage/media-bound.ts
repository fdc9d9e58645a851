import { unreachable } from '@tollgate/errors';
import type { ModelPrice } from '@tollgate/pricing';
import type { Span } from '../../json-scan/json-tokens.js';
import { audioSecondsMax } from './audio-length.js';
import { audioTokensInSecondOf, imageRuleOf } from './image-families.js';
import { imageSize, type ImageSize } from './image-size.js';

/** A part of a request that is no text, as the scan of a body finds it. */
export interface MediaPart {
  /**
   * `anything` is content of which only the model's context is a bound: a PDF, a page that a tool of the provider
   * found, a recording at an address.
   */
  readonly kind: 'image' | 'audio' | 'anything';
  /** The text with the data as base64, as a data URL, or an address, without its quotes; null if it has none. */
  readonly data: Span | null;
  /** The resolution that is asked for, as OpenAI names it; null if none is. */
  readonly detail: string | null;
}

/** What is known of such a part before any model is chosen. */
export type Media =
  | { readonly kind: 'image'; readonly size: ImageSize | null; readonly detail: string | null }
  | { readonly kind: 'audio'; readonly secondsMax: number | null }
  | { readonly kind: 'anything' };

/** Base64 characters that are read at first, and those that are read if the size of an image is not among them. */
const HEAD_CHARACTERS = 4 * 1024,
  LONG_HEAD_CHARACTERS = 256 * 1024;
const DATA_URL = /^data:[\w.+-]+\/[\w.+-]+(?:;[\w=.+-]+)*;base64,/i;
/** `data:` and a media type with parameters fit into this many bytes. */
const DATA_URL_HEAD_MAX = 256;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const PLAIN_DATA = /^(?:https?:|(?:[\w+/=-]|\\\/)*\\?$)/i;
const ANYTHING: Media = { kind: 'anything' };

/**
 * Reads the facts of a part: the size of an image from its own header, the greatest length of a recording from its
 * bytes. The rest of the data is not decoded. Data whose spelling decoders could read in different ways has no facts. A
 * data URL of another media type may be a document or a film, whatever the part says, so it can be anything.
 */
export function mediaOf(body: Buffer, { kind, data, detail }: MediaPart): Media {
  if (kind !== 'anything' && data !== null && isOtherType(body, data, kind)) return ANYTHING;
  switch (kind) {
    case 'image':
      return { kind, detail, size: data === null ? null : sizeAt(body, data) };
    case 'audio':
      return { kind, secondsMax: data === null ? null : secondsAt(body, data) };
    case 'anything':
      return ANYTHING;
    default:
      return unreachable(kind);
  }
}

/** Whether the data is a data URL whose media type is not plainly of the kind. */
function isOtherType(body: Buffer, { start, end }: Span, kind: 'image' | 'audio'): boolean {
  const head = body.toString('latin1', start, Math.min(end, start + DATA_URL_HEAD_MAX));
  // Plain base64 and addresses of the web have no media type. Anything else may be a data URL, perhaps with escapes.
  if (PLAIN_DATA.test(head)) return false;
  return !head.replaceAll('\\/', '/').toLowerCase().startsWith(`data:${kind}/`);
}

function sizeAt(body: Buffer, { start, end }: Span): ImageSize | null {
  const from = base64At(body, start, end);
  if (from === null) return null;
  for (const characters of [HEAD_CHARACTERS, LONG_HEAD_CHARACTERS]) {
    const head = decoded(body, from, end, characters);
    if (head === null) return null;
    const size = imageSize(head);
    if (size !== null || from + characters >= end) return size;
  }
  return null;
}

function secondsAt(body: Buffer, { start, end }: Span): number | null {
  const from = base64At(body, start, end);
  const head = from === null ? null : decoded(body, from, end, LONG_HEAD_CHARACTERS);
  return from === null || head === null ? null : audioSecondsMax(head, ((end - from) * 3) / 4);
}

/** The place where the base64 begins; null if the text is an address. */
function base64At(body: Buffer, start: number, end: number): number | null {
  const head = body.toString('latin1', start, Math.min(end, start + DATA_URL_HEAD_MAX));
  // Some JSON writers escape each slash with a backslash, also in the media type.
  const prefix = DATA_URL.exec(head.replaceAll('\\/', '/'))?.[0];
  if (prefix === undefined) return head.includes(':') ? null : start;
  return start + head.indexOf(',') + 1;
}

/** The first bytes of base64; null if a decoder could read it in another way. */
function decoded(body: Buffer, from: number, end: number, characters: number): Buffer | null {
  let text = body.toString('latin1', from, Math.min(end, from + characters));
  if (text.includes('\\')) text = text.replace(/\\$/, '').replaceAll('\\/', '/');
  return BASE64.test(text) ? Buffer.from(text, 'base64') : null;
}

/** The bytes of a body that are text. */
export function textBytes(body: Buffer, media: readonly MediaPart[]): number {
  return media.reduce((bytes, { data }) => bytes - (data === null ? 0 : data.end - data.start), body.length);
}

/** A body whose media are empty texts. */
export function withoutMedia(body: Buffer, media: readonly MediaPart[]): Buffer {
  if (media.length === 0) return body;
  const kept: Buffer[] = [];
  let at = 0;
  for (const { data } of media) {
    if (data === null) continue;
    kept.push(body.subarray(at, data.start));
    at = data.end;
  }
  return Buffer.concat([...kept, body.subarray(at)]);
}

/**
 * The most input tokens of a request with such parts: its text, and each part by what the model's family or its price
 * entry says. It is never more than the model's context, which is also the bound of a part that has no other.
 *
 * @example
 * inputTokensMax(1_000, [{ kind: 'image', size: null, detail: null }], 'claude-opus-4-8', price); // 5784
 */
export function inputTokensMax(
  textTokensMax: number,
  media: readonly Media[],
  model: string,
  price: Pick<ModelPrice, 'contextTokens' | 'imageTokensMax' | 'audioTokensPerSecond'>,
): number {
  if (media.length === 0) return textTokensMax;
  let tokens = textTokensMax;
  for (const part of media) tokens += mediaTokensMax(part, model, price);
  return Math.min(tokens, price.contextTokens);
}

function mediaTokensMax(
  part: Media,
  model: string,
  { contextTokens, imageTokensMax, audioTokensPerSecond }: Parameters<typeof inputTokensMax>[3],
): number {
  switch (part.kind) {
    case 'image': {
      const rule = imageRuleOf(model);
      const ofFamily = rule === null ? contextTokens : rule(part.size, part.detail);
      if (imageTokensMax === undefined) return ofFamily;
      // What the entry says is the operator's word; the size of an image can only lower it.
      return rule === null || part.size === null ? imageTokensMax : Math.min(ofFamily, imageTokensMax);
    }
    case 'audio': {
      const rate = audioTokensPerSecond ?? audioTokensInSecondOf(model);
      return rate === null || part.secondsMax === null ? contextTokens : Math.ceil(part.secondsMax * rate) + 1;
    }
    case 'anything':
      return contextTokens;
    default:
      return unreachable(part);
  }
}
