import type { TokenUsage } from '@tollgate/pricing';
import { TOKENS_MAX, type Ask } from '../../dialects/ask.js';
import type { Target } from '../choose-route/route-table.js';
import type { Received } from '../exchange/exchange.js';

/** Models outgrow the ceiling that a price list gives them, but not by so much. */
const OUTPUT_TIMES_ALLOWED = 10;

export interface PlausibleUsage {
  /** What the usage event says, and what counts against tokens per minute. */
  readonly believed: TokenUsage;
  /** What a customer owes at most, where no hold bounds it. */
  readonly owed: TokenUsage;
}

/**
 * Cuts a report at what such a request can use: a provider that reports a billion tokens for "hi" is broken, and its
 * number is nobody's debt. Input: what the dialect allows for such a body; the model's context where the provider may
 * have read more than the body. Output: ten times the model's longest answer for each choice; nobody owes more than the
 * ceiling that the request named.
 *
 * Beyond its ceiling output is still believed: a provider that passes over it has written it, and totals and rates
 * tell what was used.
 */
export function plausibleUsage({ ask }: Pick<Received, 'ask'>, target: Target, usage: TokenUsage): PlausibleUsage {
  const { maxOutputTokens } = target.price;
  const { namedOutputTokens: named, choices } = ask;
  const longest = Math.min(OUTPUT_TIMES_ALLOWED * maxOutputTokens * choices, TOKENS_MAX);
  const inputTokensMax = inputBound(ask, target, usage.inputTokens);
  const believed = cut(usage, inputTokensMax, Math.max(named, longest));
  return { believed, owed: named > 0 ? cut(believed, inputTokensMax, named) : believed };
}

/** The body is looked at again only where its bytes do not explain the report. */
function inputBound(ask: Ask, target: Target, reported: number): number {
  const ofBody = ask.inputTokensAllowed;
  const { contextTokens } = target.price;
  if (reported <= ofBody || contextTokens <= ofBody) return ofBody;
  return ask.mayReadMore(target.model) ? contextTokens : ofBody;
}

/** Each side at most its bound; the same object where nothing is cut. */
function cut(usage: TokenUsage, inputTokensMax: number, outputTokensMax: number): TokenUsage {
  if (usage.inputTokens <= inputTokensMax && usage.outputTokens <= outputTokensMax) return usage;
  const inputTokens = Math.min(usage.inputTokens, inputTokensMax);
  const outputTokens = Math.min(usage.outputTokens, outputTokensMax);
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: Math.min(usage.cachedInputTokens, inputTokens),
    reasoningTokens: Math.min(usage.reasoningTokens, outputTokens),
  };
}
