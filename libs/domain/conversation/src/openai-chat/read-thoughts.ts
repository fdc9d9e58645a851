import type { SealedThought, ThinkingPart } from '../conversation.js';
import type { JsonObject } from '../dialect-codec.js';
import { fieldsOf, isObject, itemsOf, textOf } from '../fields.js';
import { unpackSeal } from '../foreign-seal.js';

/**
 * What a model thought, in a message of chat, which has no one place for it: `thinking_blocks` (LiteLLM's, which are
 * Anthropic's own blocks), `reasoning_details` (OpenRouter's), `reasoning_content` (DeepSeek, Kimi, vLLM) or
 * `reasoning` (Groq, Ollama, OpenRouter). Those with seals come first, since the others repeat their texts.
 */
export function readThoughts(message: JsonObject): readonly ThinkingPart[] {
  const blocks = itemsOf(message['thinking_blocks']).flatMap(readBlock);
  if (blocks.length > 0) return blocks;
  const details = itemsOf(message['reasoning_details']).flatMap(readDetail);
  const text = details.some((detail) => detail.text !== '') ? '' : thoughtText(message);
  return text === '' ? details : withText(text, details);
}

/** Details without a text of their own, and the text that is told beside them: a signature is of that text. */
function withText(text: string, [first, ...others]: readonly ThinkingPart[]): readonly ThinkingPart[] {
  if (first?.sealed?.kind === 'signature') return [{ ...first, text }, ...others];
  return [{ kind: 'thinking', text, sealed: null }, ...(first === undefined ? [] : [first, ...others])];
}

/** The text of the thoughts in a message or a delta, without seals. */
export function thoughtText(message: JsonObject): string {
  return textOf(message['reasoning_content']) ?? textOf(message['reasoning']) ?? '';
}

/** A block of Anthropic's; its signature may be the seal of another maker. */
export function readBlock(value: unknown): readonly ThinkingPart[] {
  const block = fieldsOf(value);
  if (block['type'] === 'redacted_thinking') {
    const data = textOf(block['data']);
    return data === null
      ? []
      : [{ kind: 'thinking', text: '', sealed: { maker: 'anthropic', kind: 'redacted', data } }];
  }
  const text = textOf(block['thinking']) ?? '';
  const signature = textOf(block['signature']);
  if (block['type'] !== 'thinking' || (text === '' && signature === null)) return [];
  return [{ kind: 'thinking', text, sealed: signature === null ? null : sealOf(signature) }];
}

function sealOf(signature: string): SealedThought {
  return unpackSeal(signature) ?? { maker: 'anthropic', kind: 'signature', data: signature };
}

/** An item of OpenRouter's: openrouter.ai/docs/use-cases/reasoning-tokens, `reasoning_details`. */
function readDetail(value: unknown): readonly ThinkingPart[] {
  if (!isObject(value)) return [];
  const text = textOf(value['text']) ?? textOf(value['summary']) ?? '';
  const sealed = sealOfDetail(value);
  return text === '' && sealed === null ? [] : [{ kind: 'thinking', text, sealed }];
}

/** A piece of `reasoning_details` in a stream, and whether a thought begins with it that the one before is not of. */
interface DetailPiece extends ThinkingPart {
  readonly begins: boolean;
  /** Whether a text that is told beside it is its own. */
  readonly isOfText: boolean;
}

/** Tells the thoughts apart whose pieces come as `reasoning_details`: each has a type and an index of its own. */
export class DetailRuns {
  private last: JsonObject | null = null;

  take(details: unknown): readonly DetailPiece[] {
    if (!Array.isArray(details)) return NO_PIECES;
    return details.filter(isObject).flatMap((detail) => readDetail(detail).map((part) => this.piece(detail, part)));
  }

  private piece(detail: JsonObject, part: ThinkingPart): DetailPiece {
    const { last } = this;
    this.last = detail;
    const isOfText = part.text !== '' || part.sealed?.kind === 'signature';
    // A signature is of the text before it, even if that was not told as a detail.
    const begins = last === null ? !isOfText : detail['type'] !== last['type'] || detail['index'] !== last['index'];
    return { ...part, begins, isOfText };
  }
}

const NO_PIECES: readonly DetailPiece[] = [];

function sealOfDetail(detail: JsonObject): SealedThought | null {
  const format = textOf(detail['format']) ?? '';
  const signature = textOf(detail['signature']);
  if (signature !== null && format.startsWith('anthropic'))
    return { maker: 'anthropic', kind: 'signature', data: signature };
  const data = textOf(detail['data']);
  if (data === null) return null;
  const id = textOf(detail['id']);
  if (format.startsWith('openai')) return { maker: 'openai', kind: 'encrypted', data, ...(id === null ? {} : { id }) };
  return format.startsWith('anthropic') ? { maker: 'anthropic', kind: 'redacted', data } : null;
}
