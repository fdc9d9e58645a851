import { isObject } from './body-object.js';

/** A tool that a request declares and its sender runs. */
export interface DeclaredTool {
  readonly name: string;
  /** Takes any text instead of JSON. */
  readonly custom: boolean;
  /** The JSON schema of its arguments; undefined where it has none. */
  readonly schema: unknown;
}

/** The parts of a request that are no text. */
export interface Media {
  readonly images: number;
  readonly files: number;
  readonly audio: number;
}

/** What decides the content of an answer, in the form that all dialects share. */
export interface Asked {
  readonly model: string;
  /** The text of the user's last turn; empty if results of tools follow it. */
  readonly lastText: string;
  readonly tools: readonly DeclaredTool[];
  readonly toolChoice: 'auto' | 'none' | 'required' | { readonly name: string };
  /** False: at most one call. */
  readonly parallel: boolean;
  /** The JSON schema that the answer is to fit; true for any JSON object; null for text. */
  readonly format: unknown;
  /** Whether the model is asked to think first. */
  readonly thinks: boolean;
  readonly stop: readonly string[];
  /** The most output tokens per choice, thoughts included; Infinity where no ceiling is given. */
  readonly outputTokensMax: number;
  /** How many answers there are to the one prompt. */
  readonly choices: number;
  readonly media: Media;
  /** Prompt tokens if the behaviour does not say. */
  readonly promptTokens: number;
}

const IMAGES = new Set(['image_url', 'input_image', 'image']);
const FILES = new Set(['file', 'input_file', 'document']);

/** What one part of a prompt costs that is no text: what OpenAI takes for an image of low detail. */
const TOKENS_PER_PART = 85;

/**
 * Counts the images, files and recordings in a prompt, at any depth, and the bytes of data that they bring along in
 * base64: these are not text, and no tokens are reported for them.
 */
export function mediaIn(prompt: unknown): { media: Media; dataBytes: number } {
  const found = { images: 0, files: 0, audio: 0, dataBytes: 0 };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isObject(value)) return;
    const { type } = value;
    if (typeof type === 'string') {
      if (IMAGES.has(type)) found.images += 1;
      else if (FILES.has(type)) found.files += 1;
      else if (type === 'input_audio') found.audio += 1;
    }
    for (const [name, inner] of Object.entries(value)) {
      if (typeof inner !== 'string') visit(inner);
      else if (name === 'data' || inner.startsWith('data:')) found.dataBytes += inner.length;
    }
  };
  visit(prompt);
  const { dataBytes, ...media } = found;
  return { media, dataBytes };
}

/** Prompt tokens by default: a quarter of the bytes that are text, and a fixed number for each other part. */
export function promptTokensOf(bodyBytes: number, { media, dataBytes }: ReturnType<typeof mediaIn>): number {
  const parts = media.images + media.files + media.audio;
  return Math.ceil(Math.max(bodyBytes - dataBytes, 0) / 4) + parts * TOKENS_PER_PART;
}

/** The user's last turn; undefined if there is none, or if something that `isResult` tells stands in it or after it. */
export function lastOfUser(
  turns: readonly unknown[],
  isResult: (turn: Record<string, unknown>) => boolean,
): Record<string, unknown> | undefined {
  for (const turn of turns.toReversed()) {
    if (!isObject(turn) || isResult(turn)) return undefined;
    if (turn['role'] === 'user') return turn;
  }
  return undefined;
}

/** The text of content that is a text, or a list of parts some of which have a field `text`. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part: unknown) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .join(' ');
}
