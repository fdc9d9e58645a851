import type { Tokenizer } from '@tollgate/pricing';
import type { Routed } from '../exchange/exchange.js';
import type { Route } from '../choose-route/route-table.js';
import { addedBytes, amountOf, isTranslated } from './cost-bound.js';
import { markedUp } from '../exchange/mark-up.js';
import { tokenCount } from './token-count.js';

/** Larger bodies are not counted, since that would delay all other requests of this process. */
const BODY_BYTES_MAX = 64 * 1024;
/** Text has at most about this many bytes in a token. A body that would not fit even so is not counted. */
const BYTES_IN_TOKEN = 6;
/**
 * Counts a request's tokens with the tokenizers of its models before it is refused, because its bound by bytes is about
 * four times too high for text. Null if the request does not fit even so, or if it was not counted: most refusals cost
 * no more than a comparison. Also null if a model of the route names no tokenizer. Another model's count is no bound,
 * since some texts have twenty times as many tokens.
 */
export async function closerBound(
  exchange: Pick<Routed, 'ask' | 'key' | 'route' | 'targets' | 'translations'>,
  outputTokensMax: number,
  availableNanoUsd: bigint,
): Promise<bigint | null> {
  const { ask, route } = exchange;
  const limits = ask.limits(isTranslated(exchange));
  if ('kind' in limits) return null;
  const { contentTokensMax, contextReads } = limits;
  // The contexts that the model may read are no text that could be counted.
  if (contextReads !== undefined) return null;
  const added = addedBytes(exchange);
  const amountFor = (tokens: number): bigint =>
    markedUp(amountOf(route, ask, { ...limits, contentTokensMax: tokens + added }, outputTokensMax), exchange);
  const tokenizers = tokenizersOf(route);
  if (tokenizers === null || contentTokensMax > BODY_BYTES_MAX) return null;
  if (amountFor(Math.ceil(contentTokensMax / BYTES_IN_TOKEN)) > availableNanoUsd) return null;
  let tokens = 0;
  for (const tokenizer of tokenizers) {
    tokens = Math.max(tokens, ask.countContent(await tokenCount(tokenizer)) ?? contentTokensMax);
  }
  const amount = amountFor(Math.min(tokens, contentTokensMax));
  return amount <= availableNanoUsd ? amount : null;
}

/** The tokenizers of all models that may answer; null if one of them is not known. */
function tokenizersOf({ prices }: Pick<Route, 'prices'>): ReadonlySet<Tokenizer> | null {
  const tokenizers = new Set<Tokenizer>();
  for (const { tokenizer } of prices) {
    if (tokenizer === undefined) return null;
    tokenizers.add(tokenizer);
  }
  return tokenizers;
}
