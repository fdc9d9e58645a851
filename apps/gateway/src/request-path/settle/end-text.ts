import { usageClasses, type ModelPass, type TokenUsage } from '@tollgate/usage';
import { endPart, plainEndPart, type PlainEnd } from '../event-parts.js';
import type { Exchange } from '../exchange/exchange.js';

/** The facts about the end of a call besides its usage. */
export type CallEnd = Omit<PlainEnd, keyof TokenUsage | 'textInputTokens' | 'cachedTextTokens' | 'textOutputTokens'>;

/**
 * How long the client waited for the first byte and for the whole answer, in milliseconds from the arrival of its
 * request; null before either came.
 */
export function waitsOf({
  arrivedAt,
  firstByteAt,
  answeredAt,
}: Pick<Exchange, 'answeredAt' | 'arrivedAt' | 'firstByteAt'>): Pick<CallEnd, 'durationMs' | 'firstByteMs'> {
  return {
    firstByteMs: firstByteAt === 0 ? null : Math.round(firstByteAt - arrivedAt),
    durationMs: answeredAt === 0 ? null : Math.round(answeredAt - arrivedAt),
  };
}

/** The event's fields about the end of a call. Nearly all calls have no details, and their text is made in short. */
export function endText(usage: TokenUsage, end: CallEnd): string {
  const { inputTokens, outputTokens, details } = usage;
  const cachedInputTokens = Math.min(usage.cachedInputTokens, inputTokens);
  const reasoningTokens = Math.min(usage.reasoningTokens, outputTokens);
  // Written out: to copy the objects together took longer than all the rest.
  const plain: PlainEnd = {
    journalNumber: end.journalNumber,
    outcome: end.outcome,
    usageSource: end.usageSource,
    costNanoUsd: end.costNanoUsd,
    chargeNanoUsd: end.chargeNanoUsd,
    billableNanoUsd: end.billableNanoUsd,
    priceLines: end.priceLines,
    unpriced: end.unpriced,
    endedAt: end.endedAt,
    statusCode: end.statusCode,
    firstByteMs: end.firstByteMs,
    durationMs: end.durationMs,
    inputTokens,
    outputTokens,
    cachedInputTokens,
    reasoningTokens,
    textInputTokens: inputTokens - cachedInputTokens,
    cachedTextTokens: cachedInputTokens,
    textOutputTokens: outputTokens - reasoningTokens,
  };
  if (details === undefined) return plainEndPart(plain);
  return endPart({
    ...plain,
    ...usageClasses(usage),
    toolCalls: Object.entries(details.toolCalls).map(([tool, calls]) => ({ tool, calls })),
    passes: details.passes.map(passOf),
    tierServed: details.serviceTier,
    speedServed: details.speed,
    inferenceGeo: details.inferenceGeo,
    modelServed: details.servedModel,
  });
}

function passOf({ kind, model, usage }: ModelPass) {
  return { kind, model, ...usageClasses(usage) };
}
