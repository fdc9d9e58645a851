import type { ErrorCode } from '@tollgate/errors';
import type { UsageReport } from '@tollgate/usage';
import type { Operation } from './dialect-name.js';

/** An error that a provider sent instead of an answer. */
export interface ProviderError {
  /** The HTTP status that the error's code stands for; 502 if it names none. */
  readonly status: number;
  readonly why: 'error' | 'no_answer';
}

/** The error for a reply that is neither an answer nor an error. */
export const NO_ANSWER: ProviderError = { status: 502, why: 'no_answer' };

/** An error that a provider sent as an event of a stream, with the provider's words. */
export interface EventError extends ProviderError {
  readonly data: string;
}

/** The verdict on a plain reply whose status is success. */
export type PlainReply =
  | {
      readonly kind: 'answer';
      readonly report: UsageReport | null;
      readonly countedOutputTokens: number;
      /** The reply for the client; absent if it is the provider's own. */
      readonly body?: Buffer;
    }
  | {
      readonly kind: 'no_answer';
      readonly error: ProviderError;
      /** The usage that it reports all the same; null for none. */
      readonly report: UsageReport | null;
    };

/** A provider's error about the request, as the client is told it: JSON, or the events of a stream. */
export interface ToldError {
  readonly status: number;
  readonly contentType: 'application/json' | 'text/event-stream';
  readonly body: Buffer;
}

/** The events that a `StreamReader` made of one chunk of a provider's stream. */
export interface StreamPart {
  /** Complete events for the client, without those that it did not ask for. */
  readonly events: string;
  /** The last event and all that follows it. It is sent once the usage is in the journal. */
  readonly tail: string;
  /** True if nothing follows. */
  readonly done: boolean;
}

/**
 * Reads a stream as it is relayed: whether it is an answer, what usage it reports, how it ends, and how much text it
 * delivered. Texts are latin1, one character for each byte.
 */
export interface StreamReader {
  take(chunk: Buffer): StreamPart;
  /** Call it when the provider has ended its reply. Returns the rest. */
  end(): StreamPart;
  /** True once the first part of an answer has arrived. Before that, another provider may still be asked. */
  readonly opened: boolean;
  /** True once the answer has given the reason of its end. */
  readonly finished: boolean;
  /** The first event that was an error, or that was no part of an answer before the first such part; null for none. */
  readonly error: EventError | null;
  /** True if the texts together contain our credential. The event that completes it is not passed on. */
  readonly tellsCredential: boolean;
  /** An incomplete event that was left at the end of the stream. */
  readonly dropped: string;
  /** Bytes of an event that is not complete yet. */
  readonly heldBytes: number;
  /** The usage that the provider has reported so far; null for none. */
  readonly report: UsageReport | null;
  /** The tier that the events name beside their reports, as the provider names it; null for none. */
  readonly tierTold: string | null;
  /** Whether text was delivered after the last report, so that the report cannot include it. */
  readonly isReportEarly: boolean;
  /** Output tokens by our own count. */
  countedTokens(): number;
  /**
   * The event, as latin1, that tells the client that the stream breaks off at this place; null if it is the same at any
   * place, as `ErrorShape.event` makes it.
   */
  errorEvent(code: ErrorCode): string | null;
}

/** The part of a dialect that calls a provider and judges its answer. */
export interface AnswerReader {
  readonly operation: Operation;
  /** A plain reply that is longer counts as no answer. */
  readonly replyBytesMax: number;
  /** Judges a plain reply whose status is success. Pass the body as latin1 in `text` if it is known already. */
  readReply(body: Buffer, text: string | null): PlainReply;
}
