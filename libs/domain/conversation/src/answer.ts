import type { TokenUsage } from '@tollgate/usage';
import type { ErrorKind } from './errors/error-kind.js';
import type { RefusalPart, ThinkingPart, ToolCallPart } from './conversation.js';

/** One whole answer in the form that all dialects share. */
export interface Answer {
  /** The provider's id, with the prefix of its dialect; empty if it gives none. */
  readonly id: string;
  /** The model that the provider names. */
  readonly model: string;
  /** Seconds since 1970; null if the provider does not say. */
  readonly createdAt: number | null;
  readonly parts: readonly AnswerPart[];
  readonly finish: Finish;
  /** Null if the provider reports none. */
  readonly usage: TokenUsage | null;
}

export interface AnswerText {
  readonly kind: 'text';
  readonly text: string;
  readonly citations: readonly Citation[];
}

export type AnswerPart = AnswerText | RefusalPart | ThinkingPart | ToolCallPart;

/** Where a statement of an answer comes from. */
export interface Citation {
  readonly url: string | null;
  readonly title: string | null;
  /** The words that are cited; null if the provider does not give them. */
  readonly quoted: string | null;
  /** The place in the text of the answer, in UTF-16 units; null if the provider does not say. */
  readonly start: number | null;
  readonly end: number | null;
  /** The provider's own form of it, for its own dialect. */
  readonly original: Readonly<Record<string, unknown>>;
}

/**
 * Why an answer ended. `length` is the ceiling of the output or the end of the model's context; `content_filter` is
 * also a model's refusal. A provider's pause in the middle of its work is no end: it is read as an error.
 */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

export interface Finish {
  readonly reason: FinishReason;
  /** The stop sequence that ended the answer; null if none did. */
  readonly stopSequence: string | null;
}

/**
 * A part of a stream, in the order that each dialect's grammar needs: `start` once and first; each part opened once and
 * closed once, one at a time, with the indexes 0, 1, 2…; `finish` after the last part; `end` last. `usage` may come at
 * any time and is cumulative: the last value of each field counts. An `error` may come at any time, even first; nothing
 * follows it.
 */
export type AnswerEvent =
  | { readonly type: 'start'; readonly id: string; readonly model: string; readonly createdAt: number | null }
  | { readonly type: 'open'; readonly index: number; readonly part: OpenedPart }
  /** More of the open part: text, thought, refusal, or input of a call. */
  | { readonly type: 'delta'; readonly index: number; readonly text: string }
  | { readonly type: 'citation'; readonly index: number; readonly citation: Citation }
  /** The seal of the open thought, before it closes. */
  | { readonly type: 'seal'; readonly index: number; readonly sealed: NonNullable<ThinkingPart['sealed']> }
  | { readonly type: 'close'; readonly index: number }
  | { readonly type: 'usage'; readonly usage: TokenUsage }
  | { readonly type: 'finish'; readonly finish: Finish }
  | { readonly type: 'error'; readonly error: AnswerError }
  | { readonly type: 'end' };

/** A part as it is opened: without its text, which follows in deltas. */
export type OpenedPart =
  | { readonly kind: 'text' }
  | { readonly kind: 'refusal' }
  | { readonly kind: 'thinking' }
  | { readonly kind: 'tool_call'; readonly id: string; readonly name: string; readonly custom: boolean };

/** An error that a provider sent instead of an answer, or in the middle of one. */
export interface AnswerError {
  /** What it is about, if that is one of the things that clients act on; null for any other. */
  readonly kind: ErrorKind | null;
  /** The provider's name for it, as `overloaded_error`; null if it gives none. */
  readonly type: string | null;
  /** Its name in dialects that have a `code` besides, as `context_length_exceeded`; null for none. */
  readonly code: string | null;
  readonly message: string;
}
