/**
 * What one call used, in tokens. Each side is a total: cached and written input is part of `inputTokens`, reasoning and
 * speech are part of `outputTokens`. `usageClasses` divides the totals into classes that do not overlap.
 */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The part of the input that was read from a cache; at most the input. */
  readonly cachedInputTokens: number;
  /** The part of the output that was reasoning; at most the output. */
  readonly reasoningTokens: number;
  /** What few calls have; absent if there is none of it. */
  readonly details?: UsageDetails;
}

/** Parts of a call's usage that few calls have. No part overlaps another, unless it says so. */
export interface UsageDetails {
  /** Input that was written to a cache for five minutes, and for an hour. */
  readonly cacheWrite5mTokens: number;
  readonly cacheWrite1hTokens: number;
  /** Input that was sound or images and was not read from a cache. */
  readonly audioInputTokens: number;
  readonly imageInputTokens: number;
  /** The part of `cachedInputTokens` that was sound. */
  readonly cachedAudioInputTokens: number;
  readonly audioOutputTokens: number;
  readonly imageOutputTokens: number;
  /** Calls of tools that the provider ran, by the name of the tool. */
  readonly toolCalls: Readonly<Record<string, number>>;
  /** Passes that the totals leave out: of the same model, as a compaction, or of another one, as an advisor. */
  readonly passes: readonly ModelPass[];
  /**
   * The tier that served the call, as the provider names it (`priority`); null for the usual one, or if none is named.
   */
  readonly serviceTier: string | null;
  /** The speed that served the call, as the provider names it (`fast`); null for the usual one, or if none is named. */
  readonly speed: string | null;
  /** Where the call was served, as the provider names it (`us`); null if that was anywhere, or if no place is named. */
  readonly inferenceGeo: string | null;
  /** The model that answered in place of the one that was asked, as a fall-back; null if that one answered. */
  readonly servedModel: string | null;
}

/** One pass of a model within a call, with usage of its own. */
export interface ModelPass {
  /** What the pass was for, as the provider names it: `compaction`, `advisor_message`. */
  readonly kind: string;
  /** The model of the pass; null for the model of the call. */
  readonly model: string | null;
  readonly usage: TokenUsage;
}

/** The details of a call that has none. */
export const NO_DETAILS: UsageDetails = {
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  audioInputTokens: 0,
  imageInputTokens: 0,
  cachedAudioInputTokens: 0,
  audioOutputTokens: 0,
  imageOutputTokens: 0,
  toolCalls: {},
  passes: [],
  serviceTier: null,
  speed: null,
  inferenceGeo: null,
  servedModel: null,
};
