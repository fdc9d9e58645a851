import { usageClasses, type ModelPass, type TokenUsage } from '@tollgate/usage';
import { endPart, plainEndPart, type PlainEnd } from '../event-parts.js';
import type { Exchange } from '../exchange/exchange.js';

/** The facts about the end of a call besides its usage and its times. */
export type CallEnd = Omit<
  PlainEnd,
  keyof TokenUsage | 'textInputTokens' | 'cachedTextTokens' | 'textOutputTokens' | 'firstByteMs' | 'durationMs'
>;

/** When the client's request came, its first byte was there, and its answer was whole. */
type Times = Pick<Exchange, 'answeredAt' | 'arrivedAt' | 'firstByteAt'>;

/** How long the client waited for a moment, in milliseconds from the arrival of its request; null before it came. */
const waitMs = (at: number, { arrivedAt }: Times): number | null => (at === 0 ? null : Math.round(at - arrivedAt));

/** The event's fields about the end of a call. Nearly all calls have no details, and their text is made in short. */
export function endText(usage: TokenUsage, end: CallEnd, times: Times): string {
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
    firstByteMs: waitMs(times.firstByteAt, times),
    durationMs: waitMs(times.answeredAt, times),
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
