import { capped, fieldsOf, modelIn, wordIn } from './report-fields.js';
import type { ModelPass, TokenUsage, UsageDetails } from './token-usage.js';

const NO_PASSES: readonly ModelPass[] = [];
/** An event has room for so many passes. Those of a longer list are added up, by kind and model. */
const PASSES_MAX = 64;
const NO_WORDS: ReadonlySet<string> = new Set();

/**
 * The passes of Anthropic's `iterations` that its totals leave out, each with usage of its own: compactions, by the
 * model of the call, and the words of an advisor, by a model of its own. `message` and `fallback_message` are in the
 * totals, and declined attempts are not billed, so kinds that end in `message` are no such passes, but for
 * `advisor_message`. Any other kind is one, so that nothing a provider may charge is left out.
 */
export function passesIn(iterations: unknown, read: (usage: unknown) => TokenUsage | null): readonly ModelPass[] {
  if (!Array.isArray(iterations)) return NO_PASSES;
  const passes: ModelPass[] = [];
  for (const iteration of iterations as readonly unknown[]) {
    const fields = fieldsOf(iteration);
    const kind = wordIn(fields['type'], NO_WORDS);
    if (kind === null || (kind.endsWith('message') && kind !== 'advisor_message')) continue;
    const usage = read(iteration);
    if (usage !== null) passes.push({ kind, model: modelIn(fields['model']), usage });
  }
  return passes.length > PASSES_MAX ? addedUp(passes) : passes;
}

/** The model of the attempt that answered after others were declined; null if there was no other attempt. */
export function servedModelIn(iterations: unknown): string | null {
  if (!Array.isArray(iterations)) return null;
  const last = (iterations as readonly unknown[])
    .map(fieldsOf)
    .findLast(({ type }) => type === 'message' || type === 'fallback_message');
  return last?.['type'] === 'fallback_message' ? modelIn(last['model']) : null;
}

/** Of two lists of one call, which are cumulative, the one with more tokens. */
export function mergePasses(a: readonly ModelPass[], b: readonly ModelPass[]): readonly ModelPass[] {
  if (a === b || b.length === 0) return a;
  if (a.length === 0) return b;
  const more = tokensOf(a) - tokensOf(b) || a.length - b.length;
  // Neither has more: any rule will do, as long as it is the same in any order.
  if (more === 0) return JSON.stringify(a) < JSON.stringify(b) ? b : a;
  return more > 0 ? a : b;
}

function tokensOf(passes: readonly ModelPass[]): number {
  return passes.reduce((sum, { usage }) => sum + usage.inputTokens + usage.outputTokens, 0);
}

function addedUp(passes: readonly ModelPass[]): readonly ModelPass[] {
  const sums = new Map<string, ModelPass>();
  for (const pass of passes) {
    const key = JSON.stringify([pass.kind, pass.model]);
    const sum = sums.get(key);
    if (sum !== undefined) sums.set(key, { ...sum, usage: addUsage(sum.usage, pass.usage) });
    else if (sums.size < PASSES_MAX) sums.set(key, pass);
  }
  return [...sums.values()];
}

function addUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  const sum = {
    inputTokens: capped(a.inputTokens + b.inputTokens),
    outputTokens: capped(a.outputTokens + b.outputTokens),
    cachedInputTokens: capped(a.cachedInputTokens + b.cachedInputTokens),
    reasoningTokens: capped(a.reasoningTokens + b.reasoningTokens),
  };
  if (a.details === undefined || b.details === undefined) {
    const details = a.details ?? b.details;
    return details === undefined ? sum : { ...sum, details };
  }
  return { ...sum, details: { ...a.details, ...addParts(a.details, b.details) } };
}

function addParts(a: UsageDetails, b: UsageDetails): Partial<UsageDetails> {
  return {
    cacheWrite5mTokens: capped(a.cacheWrite5mTokens + b.cacheWrite5mTokens),
    cacheWrite1hTokens: capped(a.cacheWrite1hTokens + b.cacheWrite1hTokens),
    audioInputTokens: capped(a.audioInputTokens + b.audioInputTokens),
    imageInputTokens: capped(a.imageInputTokens + b.imageInputTokens),
    cachedAudioInputTokens: capped(a.cachedAudioInputTokens + b.cachedAudioInputTokens),
    audioOutputTokens: capped(a.audioOutputTokens + b.audioOutputTokens),
    imageOutputTokens: capped(a.imageOutputTokens + b.imageOutputTokens),
  };
}
