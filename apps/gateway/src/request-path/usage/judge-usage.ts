import {
  servedIn,
  toolOfType,
  withToolCall,
  type TokenUsage,
  type UsageDetails,
  type UsageReport,
} from '@tollgate/usage';
import type { Ask } from '../../dialects/ask.js';
import type { Target } from '../choose-route/route-table.js';

/** Our own count of the tokens that were sent to the provider and delivered by it. */
export interface Counted {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What a request says of its usage. */
export type Asked = Pick<Ask, 'modes' | 'impliedTool'> & Partial<Pick<Ask, 'namedOutputTokens'>>;

const NOTHING_ASKED: Asked = {};

/** The usage to charge, with its source. */
export interface JudgedUsage {
  readonly usage: TokenUsage;
  /** `provider` if both sides are the provider's report; `counted` if at least one is our count. */
  readonly usageSource: 'provider' | 'counted';
}

/**
 * Decides the usage that is charged. Our count replaces a side that the report leaves out, or gives as zero although
 * something was sent or delivered: servers that do not measure send zeros. Otherwise the report counts, even if it
 * differs from our count, which is an estimate; for a whole answer never more than the ceiling that the request names.
 *
 * `early` says that text was delivered after the last report, or that the stream broke off. Then the report may miss
 * some of it, and the larger output counts.
 *
 * `asked` says what a report may leave out. The last report says how the call was served; without one it counts as
 * served as it was asked for: the provider charges for that, although it could not say so any more. An early report
 * names the tier, but may leave out the rest. A tool that is called for each answer counts as called once unless a
 * report says more.
 */
export function judgeUsage(
  report: UsageReport | null,
  ours: Counted,
  early: boolean,
  asked: Asked = NOTHING_ASKED,
): JudgedUsage {
  const counted = early ? ours : withinCeiling(ours, asked);
  const input = believed(report?.inputTokens, counted.inputTokens);
  const reported = believed(report?.outputTokens, counted.outputTokens);
  const output = early && counted.outputTokens > (reported ?? 0) ? null : reported;
  const outputTokens = output ?? counted.outputTokens;
  const usage = {
    inputTokens: input ?? counted.inputTokens,
    outputTokens,
    cachedInputTokens: input === null ? 0 : (report?.cachedInputTokens ?? 0),
    reasoningTokens: Math.min(report?.reasoningTokens ?? 0, outputTokens),
  };
  const details = report?.details;
  const detailed = details === undefined ? usage : withDetails(usage, details, input === null);
  const isReported = (report?.inputTokens ?? report?.outputTokens ?? null) !== null;
  const served = isReported && !early ? detailed : servedAsAsked(detailed, asked, isReported);
  const { impliedTool } = asked;
  return {
    usage: impliedTool === undefined || outputTokens === 0 ? served : withToolCall(served, impliedTool),
    usageSource: input !== null && output !== null ? 'provider' : 'counted',
  };
}

/**
 * Our count guesses at tokens by the text; a provider does not write more of them than it was asked for. A stream that
 * was broken off may be one of a provider that does, and ended for that: then all that was delivered counts.
 */
function withinCeiling(counted: Counted, { namedOutputTokens = 0 }: Asked): Counted {
  if (namedOutputTokens === 0 || counted.outputTokens <= namedOutputTokens) return counted;
  return { inputTokens: counted.inputTokens, outputTokens: namedOutputTokens };
}

const WEB_SEARCH = toolOfType('web_search');

/** What a request asked for at a target: also the search of a model that searches on its own before each answer. */
export function askedOf(
  ask: Pick<Ask, 'modes' | 'impliedTool' | 'namedOutputTokens'>,
  { searching }: Pick<Target, 'searching'>,
): Asked {
  if (searching !== 'once') return ask;
  const { modes, impliedTool = WEB_SEARCH, namedOutputTokens } = ask;
  return { modes, impliedTool, namedOutputTokens };
}

/** A call of which no last report says how it was served. The tier is known if there is a report at all. */
function servedAsAsked(usage: TokenUsage, { modes }: Pick<Ask, 'modes'>, isTierKnown: boolean): TokenUsage {
  if (modes === undefined) return usage;
  return servedIn(usage, isTierKnown ? { ...modes, serviceTier: null } : modes);
}

/**
 * Adds what the report says besides its sides. Parts of an input that was not believed are left out. Passes
 * and calls of tools stay: our count knows nothing of them.
 */
function withDetails(usage: TokenUsage, details: UsageDetails, isInputCounted: boolean): TokenUsage {
  const kept: UsageDetails = isInputCounted
    ? {
        ...details,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: 0,
        audioInputTokens: 0,
        imageInputTokens: 0,
        cachedAudioInputTokens: 0,
      }
    : details;
  return { ...usage, details: kept };
}

/** The reported tokens of a side; null if our count replaces them. */
function believed(reported: number | null | undefined, counted: number): number | null {
  return reported !== null && reported !== undefined && (reported > 0 || counted === 0) ? reported : null;
}
