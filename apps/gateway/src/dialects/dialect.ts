import type { ErrorCode } from '@tollgate/errors';
import type { Refusal } from '../request-path/exchange/refusal.js';
import type { UsageReport } from '../request-path/usage/reported-usage.js';
import type { Ask } from './ask.js';

export type DialectName = 'openai-chat' | 'openai-embeddings';

/** What is asked of a provider: what its API has behind the base URL. */
export type Operation = '/chat/completions' | '/embeddings';

/** What a provider said instead of an answer. */
export interface ProviderError {
  /** The status that its code stands for; 502 where it names none. */
  readonly status: number;
  readonly why: 'error' | 'no_answer';
}

/** Of what says neither an answer nor an error. */
export const NO_ANSWER: ProviderError = { status: 502, why: 'no_answer' };

/** An error that a provider sent as an event, with its words. */
export interface EventError extends ProviderError {
  readonly data: string;
}

/** What a plain reply with a status of success is. */
export type PlainReply =
  | { readonly kind: 'answer'; readonly report: UsageReport | null; readonly countedOutputTokens: number }
  | { readonly kind: 'no_answer'; readonly error: ProviderError };

export interface StreamPart {
  /** Whole events for the client, without what it did not ask for. */
  readonly events: string;
  /** What ends the stream, from its last event on; it goes out when the usage is in the journal. */
  readonly tail: string;
  /** Nothing comes after it. */
  readonly done: boolean;
}

/**
 * Reads a stream as it passes: whether it is an answer, what it reports, how it ends, and how much text it delivered.
 * Texts are latin1, a character for each byte.
 */
export interface StreamReader {
  take(chunk: Buffer): StreamPart;
  /** The provider has ended its reply: what is left. */
  end(): StreamPart;
  /** A first part of an answer has come: before it, another provider may still be asked. */
  readonly opened: boolean;
  /** The answer has told why it ended. */
  readonly finished: boolean;
  /** The first event that was an error or, before the first part of an answer, no such part. */
  readonly error: EventError | null;
  /** The texts hold our credential, in pieces: the event with which it is too much is not passed on. */
  readonly tellsCredential: boolean;
  /** Half an event that stood at the end. */
  readonly dropped: string;
  /** Bytes of an event that has not ended yet. */
  readonly heldBytes: number;
  /** What the provider has reported so far; null for nothing. */
  readonly report: UsageReport | null;
  /** Whether text was delivered that the last report cannot know of. */
  readonly isReportEarly: boolean;
  /** Output tokens by our own count. */
  countedTokens(): number;
}

/** How errors of ours look to a client of the dialect. */
export interface ErrorShape {
  /** The body of a whole reply. `message` replaces the catalogue's; `param` names the field that is at fault. */
  body(code: ErrorCode, message: string | null, param: string | null): Buffer;
  /** An error in the middle of a stream: its bytes as latin1. */
  event(code: ErrorCode): string;
}

/**
 * How requests, replies, streams and errors of one API look. The request path knows none of them by name: it is built
 * for the dialect of an endpoint, and hands the `Ask` that the dialect made from step to step.
 *
 * @example
 * const read = dialect.read(body);
 * const ask = read instanceof Promise ? await read : read;
 * if (isRefusal(ask)) return ask;
 */
export interface Dialect {
  readonly name: DialectName;
  readonly operation: Operation;
  readonly errors: ErrorShape;
  /** A longer plain reply is no answer. */
  readonly replyBytesMax: number;
  /** Reads a body; a large one in steps, so that it does not hold up the others. */
  read(body: Buffer): Ask | Refusal | Promise<Ask | Refusal>;
  /** Judges a plain reply with a status of success. `text` is the body as latin1, where that is there already. */
  readReply(body: Buffer, text: string | null): PlainReply;
}
