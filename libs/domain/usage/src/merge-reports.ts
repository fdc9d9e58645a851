import { apartSide } from './cache-writes.js';
import {
  inputSideOf,
  isNothing,
  mergeBesides,
  NO_BESIDES,
  outputSideOf,
  reportOf,
  type Besides,
  type InputApart,
  type InputSide,
  type OutputSide,
  type UsageReport,
} from './usage-report.js';

/**
 * Merges two reports of one call, which are cumulative: each side is the larger of the two, with the parts of the
 * report that it is taken from; of each tool the larger number of calls counts. Input in Anthropic's form is merged
 * field by field, since an event of a stream may leave some of them out. The order makes no difference, except for the
 * words of the tier, speed, place and model that served the call: the later word counts.
 */
export function mergeReports(earlier: UsageReport | null, later: UsageReport | null): UsageReport | null {
  if (earlier === null || later === null) return earlier ?? later;
  const output = larger(outputSideOf(earlier), outputSideOf(later), mergeEqualOutputs);
  const besides = besidesOf(earlier, later);
  if (earlier.apart === undefined && later.apart === undefined)
    return reportOf(larger(inputSideOf(earlier), inputSideOf(later), mergeEqualInputs), output, besides);
  const apart = mergeApart(earlier, later);
  const told = apartSide(apart);
  const { other } = apart;
  return reportOf(other === null || told.tokens >= other.tokens ? told : other, output, besides, apart);
}

/** The side with more tokens. If both have the same number, `mergeEqual` makes one of them. */
function larger<Side extends { readonly tokens: number }>(
  a: Side | null,
  b: Side | null,
  mergeEqual: (a: Side, b: Side) => Side,
): Side | null {
  if (a === null || b === null) return a ?? b;
  if (a.tokens === b.tokens) return mergeEqual(a, b);
  return a.tokens > b.tokens ? a : b;
}

const mergeEqualInputs = (a: InputSide, b: InputSide): InputSide => ({
  tokens: a.tokens,
  cached: Math.max(a.cached, b.cached),
  cachedAudio: Math.max(a.cachedAudio, b.cachedAudio),
  cacheWrite5m: Math.max(a.cacheWrite5m, b.cacheWrite5m),
  cacheWrite1h: Math.max(a.cacheWrite1h, b.cacheWrite1h),
  audio: Math.max(a.audio, b.audio),
  image: Math.max(a.image, b.image),
});

const mergeEqualOutputs = (a: OutputSide, b: OutputSide): OutputSide => ({
  tokens: a.tokens,
  reasoning: Math.max(a.reasoning, b.reasoning),
  audio: Math.max(a.audio, b.audio),
  image: Math.max(a.image, b.image),
});

function mergeApart(earlier: UsageReport, later: UsageReport): InputApart {
  const a = earlier.apart,
    b = later.apart;
  return {
    plain: most(a?.plain, b?.plain),
    cacheRead: most(a?.cacheRead, b?.cacheRead),
    cacheWrite: most(a?.cacheWrite, b?.cacheWrite),
    cacheWrite5m: most(a?.cacheWrite5m, b?.cacheWrite5m),
    cacheWrite1h: most(a?.cacheWrite1h, b?.cacheWrite1h),
    other: larger(
      a === undefined ? inputSideOf(earlier) : a.other,
      b === undefined ? inputSideOf(later) : b.other,
      mergeEqualInputs,
    ),
  };
}

function most(a: number | null | undefined, b: number | null | undefined): number | null {
  if (a === null || a === undefined) return b ?? null;
  return b === null || b === undefined ? a : Math.max(a, b);
}

function besidesOf({ details: a }: UsageReport, { details: b }: UsageReport): Besides | null {
  if (a === undefined && b === undefined) return null;
  const merged = mergeBesides(a ?? NO_BESIDES, b ?? NO_BESIDES);
  return isNothing(merged) ? null : merged;
}
