import { answersName, type ReserveItem } from '@tollgate/credit';
import { TOKENS_MAX } from '../../dialects/ask.js';
import type { Routed } from '../exchange/exchange.js';

export type ExpectedTokens = Required<Pick<ReserveItem, 'tokens' | 'openEnded'>>;

/** What a key without a limit on tokens takes of it. */
const NONE: ExpectedTokens = { tokens: 0, openEnded: null };

/**
 * What a request takes of its key's tokens per minute: its input and the ceiling of its output, the one that it names
 * or the model's. Where it names none, the key's last answers take the place of the model's ceiling. They are those to
 * the model that the caller asked for: it is known before a target has answered, and whichever target does, its answers
 * count among them.
 */
export function expectedTokens({ ask, key, route }: Routed): ExpectedTokens {
  if (key.snapshot.rateLimits.tokensPerMinute === null) return NONE;
  const { inputTokensEstimate: inputTokens, namedOutputTokens: named, choices } = ask;
  if (named > 0 || choices === 0) return { tokens: inputTokens + named, openEnded: null };
  return {
    tokens: inputTokens + Math.min(route.outputTokensMax * choices, TOKENS_MAX),
    openEnded: { inputTokens, answersOf: answersName(ask.model, choices) },
  };
}
