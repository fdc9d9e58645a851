import type { TokenUsage } from '@tollgate/usage';
import { TOKENS_MAX, type Ask } from '../../dialects/ask.js';
import type { Target } from '../choose-route/route-table.js';
import type { Received } from '../exchange/exchange.js';

/** Real models may exceed the longest answer in the price book, but not by more than this factor. */
const OUTPUT_TIMES_ALLOWED = 10;

/** A provider's report after it was cut. */
export interface PlausibleUsage {
  /** The usage of the event, which also counts against tokens per minute. */
  readonly believed: TokenUsage;
  /** The most that a customer is charged if no hold bounds it. */
  readonly owed: TokenUsage;
}

/**
 * Cuts a report to what such a request can use: a provider that reports a billion tokens for "hi" is broken, and its
 * number must not be charged. Input is cut to what the dialect allows for such a body, or to the model's context if the
 * provider may have read more than the body. Output is cut to ten times the model's longest answer for each choice; the
 * charge is also cut to the ceiling that the request named.
 *
 * Output above that ceiling is still believed, up to the cut: a provider that ignores the ceiling has written it, and
 * totals and rates show what was used.
 */
export function plausibleUsage({ ask }: Pick<Received, 'ask'>, target: Target, usage: TokenUsage): PlausibleUsage {
  const { maxOutputTokens } = target.price;
  const { namedOutputTokens: named, choices } = ask;
  const longest = Math.min(OUTPUT_TIMES_ALLOWED * maxOutputTokens * choices, TOKENS_MAX);
  const inputTokensMax = inputBound(ask, target, usage.inputTokens);
  const believed = cut(usage, inputTokensMax, Math.max(named, longest));
  return { believed, owed: named > 0 ? cut(believed, inputTokensMax, named) : believed };
}

/** Reads the body again only if its size does not explain the report. */
function inputBound(ask: Ask, target: Target, reported: number): number {
  const ofBody = ask.inputTokensAllowed;
  const { contextTokens } = target.price;
  if (reported <= ofBody || contextTokens * (ask.contextReads ?? 1) <= ofBody) return ofBody;
  if (!ask.mayReadMore(target.model)) return ofBody;
  return Math.min(contextTokens * (ask.contextReads ?? 1), TOKENS_MAX);
}

/** Cuts each side to its bound. Returns the same object if nothing is cut. */
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
