import { NO_DETAILS, type TokenUsage } from './token-usage.js';

/**
 * The tokens of one call, divided so that each is counted once: the first seven add up to its input, the last four to
 * its output. Passes of other models and calls of tools are not among them.
 */
export interface UsageClasses {
  /** Input that is none of the six others. */
  readonly textInputTokens: number;
  readonly audioInputTokens: number;
  readonly imageInputTokens: number;
  /** Input that was read from a cache and was no sound. */
  readonly cachedTextTokens: number;
  readonly cachedAudioTokens: number;
  readonly cacheWrite5mTokens: number;
  readonly cacheWrite1hTokens: number;
  /** Output that is none of the three others. */
  readonly textOutputTokens: number;
  readonly reasoningTokens: number;
  readonly audioOutputTokens: number;
  readonly imageOutputTokens: number;
}

/**
 * Divides a usage into classes. A part that is larger than what is left of its side is cut, so that the classes always
 * add up to the side.
 */
export function usageClasses(usage: TokenUsage): UsageClasses {
  const { inputTokens, outputTokens, details = NO_DETAILS } = usage;
  const cached = Math.min(usage.cachedInputTokens, inputTokens);
  const cachedAudioTokens = Math.min(details.cachedAudioInputTokens, cached);
  let input = inputTokens - cached;
  const cacheWrite1hTokens = Math.min(details.cacheWrite1hTokens, input);
  input -= cacheWrite1hTokens;
  const cacheWrite5mTokens = Math.min(details.cacheWrite5mTokens, input);
  input -= cacheWrite5mTokens;
  const audioInputTokens = Math.min(details.audioInputTokens, input);
  input -= audioInputTokens;
  const imageInputTokens = Math.min(details.imageInputTokens, input);
  const reasoningTokens = Math.min(usage.reasoningTokens, outputTokens);
  let output = outputTokens - reasoningTokens;
  const audioOutputTokens = Math.min(details.audioOutputTokens, output);
  output -= audioOutputTokens;
  const imageOutputTokens = Math.min(details.imageOutputTokens, output);
  return {
    textInputTokens: input - imageInputTokens,
    audioInputTokens,
    imageInputTokens,
    cachedTextTokens: cached - cachedAudioTokens,
    cachedAudioTokens,
    cacheWrite5mTokens,
    cacheWrite1hTokens,
    textOutputTokens: output - imageOutputTokens,
    reasoningTokens,
    audioOutputTokens,
    imageOutputTokens,
  };
}

/**
 * Cuts each side of a usage to a bound, and its parts with it, plain text first. No class grows, so the cost does not
 * either. Returns the same object if nothing is cut. Passes and calls of tools stay.
 */
export function cutUsage(usage: TokenUsage, inputTokensMax: number, outputTokensMax: number): TokenUsage {
  if (usage.inputTokens <= inputTokensMax && usage.outputTokens <= outputTokensMax) return usage;
  const inputTokens = Math.min(usage.inputTokens, inputTokensMax);
  const outputTokens = Math.min(usage.outputTokens, outputTokensMax);
  const cut = {
    inputTokens,
    outputTokens,
    cachedInputTokens: Math.min(usage.cachedInputTokens, inputTokens),
    reasoningTokens: Math.min(usage.reasoningTokens, outputTokens),
  };
  if (usage.details === undefined) return cut;
  const classes = usageClasses({ ...cut, details: usage.details });
  return {
    ...cut,
    details: {
      ...usage.details,
      cacheWrite5mTokens: classes.cacheWrite5mTokens,
      cacheWrite1hTokens: classes.cacheWrite1hTokens,
      audioInputTokens: classes.audioInputTokens,
      imageInputTokens: classes.imageInputTokens,
      cachedAudioInputTokens: classes.cachedAudioTokens,
      audioOutputTokens: classes.audioOutputTokens,
      imageOutputTokens: classes.imageOutputTokens,
    },
  };
}
