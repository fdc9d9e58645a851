import { mergePasses } from './passes.js';
import { NO_DETAILS, type UsageDetails } from './token-usage.js';
import { isEmpty, mergeToolCalls } from './tool-calls.js';

/** One report of a provider, in tokens; null for a side that it leaves out. */
export interface UsageReport {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** The part of the input that was read from a cache; at most the input. */
  readonly cachedInputTokens: number;
  /** The part of the output that was reasoning; at most the output. */
  readonly reasoningTokens: number;
  /** Absent if the report has none. */
  readonly details?: UsageDetails;
  /** Absent unless the report is in Anthropic's form, or was merged from such reports. */
  readonly apart?: InputApart;
}

/**
 * The input as Anthropic tells it: in fields beside each other, of which an event of a stream may leave some out. It is
 * kept so that two reports can be merged field by field.
 */
export interface InputApart {
  readonly plain: number | null;
  readonly cacheRead: number | null;
  readonly cacheWrite: number | null;
  readonly cacheWrite5m: number | null;
  readonly cacheWrite1h: number | null;
  /** The largest input that was reported in another form; null if there was none. */
  readonly other: InputSide | null;
}

/** One side of a report, with its parts. */
export interface InputSide {
  readonly tokens: number;
  readonly cached: number;
  readonly cachedAudio: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly audio: number;
  readonly image: number;
}

export interface OutputSide {
  readonly tokens: number;
  readonly reasoning: number;
  readonly audio: number;
  readonly image: number;
}

/** What a report has besides its sides. */
export interface Besides {
  readonly toolCalls: UsageDetails['toolCalls'];
  readonly passes: UsageDetails['passes'];
  readonly serviceTier: string | null;
  readonly speed: string | null;
  readonly inferenceGeo: string | null;
  readonly servedModel: string | null;
}

/** Makes a report of its pieces. Null if it has none. */
export function reportOf(
  input: InputSide | null,
  output: OutputSide | null,
  besides: Besides | null,
  apart?: InputApart,
): UsageReport | null {
  if (input === null && output === null && besides === null) return null;
  const details = detailsOf(input, output, besides);
  return {
    inputTokens: input === null ? null : input.tokens,
    outputTokens: output === null ? null : output.tokens,
    cachedInputTokens: input === null ? 0 : input.cached,
    reasoningTokens: output === null ? 0 : output.reasoning,
    ...(details !== undefined && { details }),
    ...(apart !== undefined && { apart }),
  };
}

const NO_INPUT: InputSide = {
  tokens: 0,
  cached: 0,
  cachedAudio: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  audio: 0,
  image: 0,
};
const NO_OUTPUT: OutputSide = { tokens: 0, reasoning: 0, audio: 0, image: 0 };
export const NO_BESIDES: Besides = {
  toolCalls: {},
  passes: [],
  serviceTier: null,
  speed: null,
  inferenceGeo: null,
  servedModel: null,
};

function detailsOf(
  input: InputSide | null,
  output: OutputSide | null,
  besides: Besides | null,
): UsageDetails | undefined {
  const { cachedAudio, cacheWrite5m, cacheWrite1h, audio, image } = input ?? NO_INPUT;
  const { audio: audioOutputTokens, image: imageOutputTokens } = output ?? NO_OUTPUT;
  const parts = cachedAudio + cacheWrite5m + cacheWrite1h + audio + image + audioOutputTokens + imageOutputTokens;
  if (parts === 0 && besides === null) return undefined;
  return {
    cacheWrite5mTokens: cacheWrite5m,
    cacheWrite1hTokens: cacheWrite1h,
    audioInputTokens: audio,
    imageInputTokens: image,
    cachedAudioInputTokens: cachedAudio,
    audioOutputTokens,
    imageOutputTokens,
    ...(besides ?? NO_BESIDES),
  };
}

/** Whether a call has nothing besides its sides. */
export function isNothing(besides: Besides): boolean {
  const { toolCalls, passes, serviceTier, speed, inferenceGeo, servedModel } = besides;
  const isUsual = serviceTier === null && speed === null && inferenceGeo === null && servedModel === null;
  return isUsual && passes.length === 0 && isEmpty(toolCalls);
}

/** A report with more besides its sides; where both have a word or a tool, `besides` counts, or the larger number. */
export function withBesides(report: UsageReport, besides: Besides): UsageReport {
  const merged = mergeBesides(report.details ?? NO_BESIDES, besides);
  return { ...report, details: { ...(report.details ?? NO_DETAILS), ...merged } };
}

/** What two reports of one call have besides their sides. */
export function mergeBesides(earlier: Besides, later: Besides): Besides {
  return {
    toolCalls: mergeToolCalls(earlier.toolCalls, later.toolCalls),
    passes: mergePasses(earlier.passes, later.passes),
    serviceTier: later.serviceTier ?? earlier.serviceTier,
    speed: later.speed ?? earlier.speed,
    inferenceGeo: later.inferenceGeo ?? earlier.inferenceGeo,
    servedModel: later.servedModel ?? earlier.servedModel,
  };
}

/** The input side of a report; null if it leaves that out. */
export function inputSideOf({ inputTokens, cachedInputTokens, details }: UsageReport): InputSide | null {
  if (inputTokens === null) return null;
  if (details === undefined) return { ...NO_INPUT, tokens: inputTokens, cached: cachedInputTokens };
  return {
    tokens: inputTokens,
    cached: cachedInputTokens,
    cachedAudio: details.cachedAudioInputTokens,
    cacheWrite5m: details.cacheWrite5mTokens,
    cacheWrite1h: details.cacheWrite1hTokens,
    audio: details.audioInputTokens,
    image: details.imageInputTokens,
  };
}

/** The output side of a report; null if it leaves that out. */
export function outputSideOf({ outputTokens, reasoningTokens, details }: UsageReport): OutputSide | null {
  if (outputTokens === null) return null;
  return {
    tokens: outputTokens,
    reasoning: reasoningTokens,
    audio: details?.audioOutputTokens ?? 0,
    image: details?.imageOutputTokens ?? 0,
  };
}
