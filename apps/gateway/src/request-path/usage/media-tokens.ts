import { unreachable } from '@tollgate/errors';

/** The kind of a part of a message that is no text. */
export type MediaKind = 'image' | 'audio' | 'video' | 'file';

/**
 * Tokens of an image. OpenAI: 85 tokens and 170 for each tile of 512 pixels, so 765 for a square and 1,105 for two by
 * three tiles; Anthropic: width × height / 750, at most some 1,600; Gemini: 258 a tile, 1,120 at its highest
 * resolution.
 */
export const IMAGE_TOKENS = 1_100;
/** OpenAI's `detail: low` has this figure for an image of any size. */
export const LOW_DETAIL_IMAGE_TOKENS = 85;
/** OpenAI counts 10 tokens for a second of speech, Gemini 32. This lies between them. */
const AUDIO_TOKENS_IN_SECOND = 16;
/** Speech is compressed to 32–128 kbit/s, so at 16 tokens a second this many bytes make one token. */
const AUDIO_BYTES_IN_TOKEN = 800;
/** Wave files state their bytes per second. No format for speech has fewer than a telephone's. */
const WAVE_BYTES_IN_SECOND_MIN = 4_000;
/** Gemini counts some 300 tokens for a second of video. Clips have 1–4 Mbit a second. */
const VIDEO_BYTES_IN_TOKEN = 800;
/** Anthropic: "each page typically uses 1,500–3,000 tokens". */
const PAGE_TOKENS = 2_000;
/** Lies between a page of text (some 20 kB with its share of fonts) and a scanned one (100 kB and more). */
const PAGE_BYTES = 50_000;
/** Providers accept 100 pages, some of them more; a context window holds few more. */
const PAGES_MAX = 100;
/**
 * Tokens of a recording or document that is not in the body, or whose size says nothing: five pages, ten minutes of
 * speech.
 */
export const REFERENCE_TOKENS = 10_000;

const BYTES_IN_TOKEN = 4;
const COMMA = 0x2c;
/** `data:` and a media type with parameters fit into this many bytes. */
const DATA_URL_HEAD_MAX = 256;
/** The base64 characters that contain the head of a wave file. */
const WAVE_HEAD_CHARACTERS = 60;
const SCHEME = /^[a-z][a-z0-9+.-]{1,15}:/i;
/** Media types of files that are text. */
const TEXT_TYPE = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|javascript|x-ndjson)$)/;

/**
 * The tokens of one image, recording, video or file. `start` to `end` are the bytes of the JSON string with a data URL,
 * bare base64 or an address. The media type of a data URL overrides `kind`.
 */
export function mediaTokens(kind: MediaKind, body: Buffer, start: number, end: number): number {
  // Some JSON writers escape each slash with a backslash.
  const head = body.toString('latin1', start, Math.min(end, start + DATA_URL_HEAD_MAX)).replaceAll('\\', '');
  if (!SCHEME.test(head)) return dataTokens(kind, '', body.subarray(start, end), true);
  const type = /^data:([^;,]*)/i.exec(head)?.[1]?.toLowerCase();
  if (type === undefined) return kind === 'image' ? IMAGE_TOKENS : REFERENCE_TOKENS;
  const comma = body.indexOf(COMMA, start);
  const data = body.subarray(comma === -1 || comma >= end ? start : comma + 1, end);
  return dataTokens(kindOf(type) ?? kind, type, data, /;base64,/i.test(head));
}

function kindOf(type: string): MediaKind | null {
  const top = type.slice(0, Math.max(type.indexOf('/'), 0));
  if (top === 'image' || top === 'audio' || top === 'video') return top;
  return top === 'text' || top === 'application' ? 'file' : null;
}

function dataTokens(kind: MediaKind, type: string, data: Buffer, isBase64: boolean): number {
  const bytes = isBase64 ? Math.floor((data.length * 3) / 4) : data.length;
  switch (kind) {
    case 'image':
      return IMAGE_TOKENS;
    case 'audio':
      return Math.ceil(bytes / bytesInAudioToken(data));
    case 'video':
      return Math.ceil(bytes / VIDEO_BYTES_IN_TOKEN);
    case 'file':
      return TEXT_TYPE.test(type) ? Math.ceil(bytes / BYTES_IN_TOKEN) : pagesOf(bytes) * PAGE_TOKENS;
    default:
      return unreachable(kind);
  }
}

function pagesOf(bytes: number): number {
  return Math.min(Math.max(Math.ceil(bytes / PAGE_BYTES), 1), PAGES_MAX);
}

/** Bytes of one token of audio. A wave file is not compressed, and states its bytes per second. */
function bytesInAudioToken(base64: Buffer): number {
  const head = Buffer.from(base64.toString('latin1', 0, WAVE_HEAD_CHARACTERS).replaceAll('\\', ''), 'base64');
  if (head.length < 32 || head.toString('latin1', 0, 4) !== 'RIFF') return AUDIO_BYTES_IN_TOKEN;
  return Math.max(head.readUInt32LE(28), WAVE_BYTES_IN_SECOND_MIN) / AUDIO_TOKENS_IN_SECOND;
}
