import type { Tokenizer } from '@tollgate/pricing';
import type { Routed } from '../exchange/exchange.js';
import type { Route } from '../choose-route/route-table.js';
import { amountOf } from './cost-bound.js';
import { tokenCount } from './token-count.js';

/** Larger bodies are not counted: that would hold up every other request of this process. */
const BODY_BYTES_MAX = 64 * 1024;
/** Text has at most about this many bytes in a token; a body that would not fit even so is not counted. */
const BYTES_IN_TOKEN = 6;
/**
 * A request whose bound by bytes does not fit is counted with the tokenizer of its models before it is refused: text is
 * some four bytes a token. Null where counting could not help, or did not (most refusals cost no more than a
 * comparison), and where a model of the route names no tokenizer: another one's count is no bound, some texts have
 * twenty times the tokens.
 */
export async function closerBound(
  { ask, route }: Routed,
  outputTokensMax: number,
  availableNanoUsd: bigint,
): Promise<bigint | null> {
  const { length } = ask.body;
  const tokenizers = tokenizersOf(route);
  const least = amountOf(route, Math.ceil(length / BYTES_IN_TOKEN), outputTokensMax);
  if (tokenizers === null || length > BODY_BYTES_MAX || least > availableNanoUsd) return null;
  let inputTokens = 0;
  for (const tokenizer of tokenizers) {
    inputTokens = Math.max(inputTokens, ask.countContent(await tokenCount(tokenizer)) ?? length);
  }
  const amount = amountOf(route, Math.min(inputTokens, length), outputTokensMax);
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
