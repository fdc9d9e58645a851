import type { Tokenizer } from '@tollgate/pricing';
import type { Exchange } from '../exchange/exchange.js';
import type { Route } from '../choose-route/route-table.js';
import { amountOf } from './cost-bound.js';
import { tokenCount, type TokenCount } from './token-count.js';

/** Larger bodies are not counted: that would hold up every other request of this process. */
const BODY_BYTES_MAX = 64 * 1024;
/** Text has at most about this many bytes in a token; a body that would not fit even so is not counted. */
const BYTES_IN_TOKEN = 6;
/** What a chat template puts around each message, and around each value of a tool. */
const NODE_TOKENS = 4;

/** The strings, numbers, words and opening brackets of JSON, in a text that is known to be JSON. */
const NODES = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[-\w.+]+|[[{]/gs;
const QUOTE = '"';

/**
 * A request whose bound by bytes does not fit is counted with the tokenizer of its models before it is refused: text is
 * some four bytes a token. Null where counting could not help, or did not (most refusals cost no more than a
 * comparison), and where a model of the route names no tokenizer: another one's count is no bound, some texts have
 * twenty times the tokens.
 */
export async function closerBound(
  exchange: Exchange,
  outputTokensMax: number,
  availableNanoUsd: bigint,
): Promise<bigint | null> {
  const { body } = exchange;
  const route = exchange.route!;
  const tokenizers = tokenizersOf(route);
  const least = amountOf(route, Math.ceil(body.length / BYTES_IN_TOKEN), outputTokensMax);
  if (tokenizers === null || body.length > BODY_BYTES_MAX || least > availableNanoUsd) return null;
  let inputTokens = 0;
  for (const tokenizer of tokenizers) {
    inputTokens = Math.max(inputTokens, tokensOf(body, await tokenCount(tokenizer)) ?? body.length);
  }
  const amount = amountOf(route, Math.min(inputTokens, body.length), outputTokensMax);
  return amount <= availableNanoUsd ? amount : null;
}

/** The tokenizers of all models that may answer; null where one of them is not known. */
function tokenizersOf({ prices }: Pick<Route, 'prices'>): ReadonlySet<Tokenizer> | null {
  const tokenizers = new Set<Tokenizer>();
  for (const { tokenizer } of prices) {
    if (tokenizer === undefined) return null;
    tokenizers.add(tokenizer);
  }
  return tokenizers;
}

/**
 * The most tokens that a body of JSON can be: those of every string, number and opening bracket in it, however often a
 * name repeats, and what a template puts around each value. Null where a string is none of JSON.
 */
export function tokensOf(body: Buffer, count: TokenCount): number | null {
  let tokens = 0;
  try {
    for (const [node, colon] of body.toString('utf8').matchAll(NODES)) {
      if (colon === undefined) tokens += NODE_TOKENS;
      if (!node.startsWith(QUOTE)) tokens += count(node);
      else tokens += count(JSON.parse(colon === undefined ? node : node.slice(0, -colon.length)) as string);
    }
  } catch {
    return null;
  }
  return tokens;
}
