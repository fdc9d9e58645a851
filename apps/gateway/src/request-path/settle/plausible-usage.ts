import type { TokenUsage } from '@tollgate/pricing';
import { choicesAsked, namedOutputTokens, TEMPLATE_TOKENS, TOKENS_MAX } from '../admit/cost-bound.js';
import type { Target } from '../choose-route/route-table.js';
import type { Exchange } from '../exchange/exchange.js';
import { mayReadMore } from '../../dialects/openai-chat/reads-more.js';

/** Providers put a prompt of their own before a caller's, and know tools by heart: some thousand tokens for "hi". */
const INPUT_TOKENS_ALLOWED = 16_384;
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
 * number is nobody's debt. Input: a token for each byte of the body, or 16,384; the model's context where the provider
 * may have read more than the body. Output: ten times the model's longest answer for each choice; nobody owes more
 * than the ceiling that the request named.
 *
 * Beyond its ceiling output is still believed: a provider that passes over it has written it, and totals and rates
 * tell what was used.
 */
export function plausibleUsage(exchange: Exchange, target: Target, usage: TokenUsage): PlausibleUsage {
  const { maxOutputTokens } = target.price;
  const named = namedOutputTokens(exchange);
  const longest = Math.min(OUTPUT_TIMES_ALLOWED * maxOutputTokens * choicesAsked(exchange), TOKENS_MAX);
  const inputTokensMax = inputBound(exchange, target, usage.inputTokens);
  const believed = cut(usage, inputTokensMax, Math.max(named, longest));
  return { believed, owed: named > 0 ? cut(believed, inputTokensMax, named) : believed };
}

/** The body is looked at again only where its bytes do not explain the report. */
function inputBound(exchange: Exchange, target: Target, reported: number): number {
  const ofBody = Math.max(exchange.body.length + TEMPLATE_TOKENS, INPUT_TOKENS_ALLOWED);
  const { contextTokens } = target.price;
  if (reported <= ofBody || contextTokens <= ofBody) return ofBody;
  return mayReadMore(exchange.body, target.model) ? contextTokens : ofBody;
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
