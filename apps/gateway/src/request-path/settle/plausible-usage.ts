import type { ModelPrice } from '@tollgate/pricing';
import { cutUsage, type TokenUsage, type UsageDetails } from '@tollgate/usage';
import { TOKENS_MAX, type Ask } from '../../dialects/ask.js';
import type { Target } from '../choose-route/route-table.js';
import type { Received } from '../exchange/exchange.js';

/** Real models may exceed the longest answer in the price book, but not by more than this factor. */
const OUTPUT_TIMES_ALLOWED = 10;
/** Deep research makes some hundred calls of a tool in one answer. */
const TOOL_CALLS_MAX = 1_000;

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
  const { price } = target;
  const { maxOutputTokens } = price;
  const { namedOutputTokens: named, choices } = ask;
  const longest = Math.min(OUTPUT_TIMES_ALLOWED * maxOutputTokens * choices, TOKENS_MAX);
  const inputTokensMax = inputBound(ask, target, usage.inputTokens);
  const believed = cut(usage, inputTokensMax, Math.max(named, longest), price);
  return { believed, owed: named > 0 ? cut(believed, inputTokensMax, named, price) : believed };
}

/** Reads the body again only if its size does not explain the report. */
function inputBound(ask: Ask, target: Target, reported: number): number {
  const ofBody = ask.inputTokensAllowed;
  const { contextTokens } = target.price;
  if (reported <= ofBody || contextTokens * (ask.contextReads ?? 1) <= ofBody) return ofBody;
  if (!ask.mayReadMore(target.model)) return ofBody;
  return Math.min(contextTokens * (ask.contextReads ?? 1), TOKENS_MAX);
}

/** Cuts each side to its bound, and what the call used besides. Returns the same object if nothing is cut. */
function cut(usage: TokenUsage, inputTokensMax: number, outputTokensMax: number, price: ModelPrice): TokenUsage {
  const sides = cutUsage(usage, inputTokensMax, outputTokensMax);
  if (sides.details === undefined) return sides;
  const { passes, toolCalls } = sides.details;
  if (passes.length === 0 && Object.keys(toolCalls).length === 0) return sides;
  return { ...sides, details: { ...sides.details, passes: cutPasses(passes, price), toolCalls: cutCalls(toolCalls) } };
}

/** A pass reads no more than a context, and writes no more than the longest answer, with the same allowance. */
function cutPasses(
  passes: UsageDetails['passes'],
  { contextTokens, maxOutputTokens }: ModelPrice,
): UsageDetails['passes'] {
  const longest = Math.min(OUTPUT_TIMES_ALLOWED * maxOutputTokens, TOKENS_MAX);
  return passes.map((pass) => ({ ...pass, usage: cutUsage(pass.usage, contextTokens, longest) }));
}

function cutCalls(toolCalls: UsageDetails['toolCalls']): UsageDetails['toolCalls'] {
  return Object.fromEntries(Object.entries(toolCalls).map(([tool, calls]) => [tool, Math.min(calls, TOOL_CALLS_MAX)]));
}
