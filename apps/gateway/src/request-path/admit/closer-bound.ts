import type { Exchange } from '../exchange.js';
import { amountOf } from './cost-bound.js';

/** Larger bodies are not counted: that would hold up every other request of this process. */
const BODY_BYTES_MAX = 64 * 1024;
/** Text has at most about this many bytes in a token; a body that would not fit even so is not counted. */
const BYTES_IN_TOKEN = 6;
/** Other models cut text otherwise than the encoding we count with: a quarter on top. */
const MARGIN = 1.25;
/** What a chat template puts around each message, and around each name or value of a tool. */
const NODE_TOKENS = 4;

/**
 * The tokenizer's time grows with the square of a run without a break; counted in pieces it cannot, and cutting only
 * ever makes more tokens.
 */
const PIECE_CHARACTERS = 256;

type Count = (text: string) => number;

/**
 * A request whose bound by bytes does not fit is counted with a tokenizer before it is refused: text is some four
 * bytes a token. Null where counting could not help, or did not: most refusals cost no more than a comparison.
 */
export async function closerBound(exchange: Exchange, outputTokensMax: number, availableNanoUsd: bigint): Promise<bigint | null> {
  const { body } = exchange;
  const route = exchange.route!;
  const least = amountOf(route, Math.ceil(body.length / BYTES_IN_TOKEN), outputTokensMax);
  if (body.length > BODY_BYTES_MAX || least > availableNanoUsd) return null;
  let content: unknown;
  try {
    content = JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
  // Two megabytes of ranks: loaded when the first request comes near its cap.
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  const inputTokens = Math.ceil(tokensOf(content, (text) => countInPieces(text, (piece) => countTokens(piece, PLAIN_TEXT))) * MARGIN);
  const amount = amountOf(route, Math.min(inputTokens, body.length), outputTokensMax);
  return amount <= availableNanoUsd ? amount : null;
}

/** A caller may write what stands for a special token; here it is text like any other. */
const PLAIN_TEXT = { disallowedSpecial: new Set<string>() };

function countInPieces(text: string, count: Count): number {
  let tokens = 0;
  for (let at = 0; at < text.length; at += PIECE_CHARACTERS) tokens += count(text.slice(at, at + PIECE_CHARACTERS));
  return tokens;
}

/** Tokens of every text in a value, names included. */
function tokensOf(value: unknown, count: Count): number {
  if (typeof value === 'string') return NODE_TOKENS + count(value);
  if (typeof value !== 'object' || value === null) return NODE_TOKENS;
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + tokensOf(each, count), NODE_TOKENS);
  return Object.entries(value).reduce((sum, [name, each]) => sum + count(name) + tokensOf(each, count), NODE_TOKENS);
}
