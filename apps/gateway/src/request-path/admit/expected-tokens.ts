import { answersName, type ReserveItem } from '@tollgate/credit';
import type { Exchange } from '../exchange/exchange.js';
import { choicesAsked, namedOutputTokens, TOKENS_MAX } from './cost-bound.js';

export type ExpectedTokens = Required<Pick<ReserveItem, 'tokens' | 'openEnded'>>;

/** What a key without a limit on tokens takes of it. */
const NONE: ExpectedTokens = { tokens: 0, openEnded: null };

/**
 * What a request takes of its key's tokens per minute: its input and the ceiling of its output, the one that it names
 * or the model's. Where it names none, the key's last answers take the place of the model's ceiling. They are those to
 * the model that the caller asked for: it is known before a target has answered, and whichever target does, its answers
 * count among them.
 */
export function expectedTokens(exchange: Exchange): ExpectedTokens {
  if (exchange.key!.snapshot.rateLimits.tokensPerMinute === null) return NONE;
  const inputTokens = exchange.inputTokensEstimate;
  const named = namedOutputTokens(exchange);
  if (named > 0) return { tokens: inputTokens + named, openEnded: null };
  const choices = choicesAsked(exchange);
  return {
    tokens: inputTokens + Math.min(exchange.route!.outputTokensMax * choices, TOKENS_MAX),
    openEnded: { inputTokens, answersOf: answersName(exchange.model, choices) },
  };
}
