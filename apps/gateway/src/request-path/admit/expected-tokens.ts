import { answersName, type ReserveItem } from '@tollgate/credit';
import { TOKENS_MAX } from '../../dialects/ask.js';
import type { Routed } from '../exchange/exchange.js';

/** What a request is expected to take of its key's tokens per minute. */
export type ExpectedTokens = Required<Pick<ReserveItem, 'tokens' | 'openEnded'>>;

/** Used if the key has no limit on tokens. */
const NONE: ExpectedTokens = { tokens: 0, openEnded: null };

/**
 * What a request takes of its key's tokens per minute: its input, plus the ceiling of output that it names or the
 * model's. If it names none, the key's last answers replace the model's ceiling. Answers are counted by the model name
 * that the caller asked for. It is known before a target has answered, and covers the answers of all targets.
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
