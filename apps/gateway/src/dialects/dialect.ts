import type { IncomingHttpHeaders } from 'node:http';
import type { RateState } from '@tollgate/credit';
import type { ErrorCode } from '@tollgate/errors';
import type { TokenUsage } from '@tollgate/usage';
import type { Target } from '../request-path/choose-route/route-table.js';
import type { Refusal } from '../request-path/exchange/refusal.js';
import type { Ask } from './ask.js';
import type { PartsPattern } from '../providers/credential-mask.js';
import type { AnswerReader, StreamReader } from './answer.js';
import type { DialectName } from './dialect-name.js';

/** What the events of one stream have in common. */
export interface StreamAbout {
  /** Our id of the request. */
  readonly requestId: string;
  /** The model as the caller named it. */
  readonly model: string;
  /** When the request came, in seconds since 1970. */
  readonly createdSeconds: number;
}

/** The format of our errors for clients of the dialect. */
export interface ErrorShape {
  /**
   * The body of a whole error reply. `message` replaces the catalogue's text; `param` names the faulty field;
   * `requestId` is ours.
   */
  body(code: ErrorCode, message: string | null, param: string | null, requestId: string): Buffer;
  /** An error event in the middle of a stream, as latin1. */
  event(code: ErrorCode, about: StreamAbout): string;
  /** The HTTP status of an error, where clients of the dialect know another one than the catalogue's. */
  statusOf?(code: ErrorCode): number | null;
  /** The format at the paths of OpenRouter, below `/api/v1`; absent if it is the same there. */
  readonly belowApi?: ErrorShape;
  /**
   * A provider's error about the request, for clients that cannot read it in the dialect of the provider. Null if they
   * can; absent if they always can.
   */
  ofProvider?(status: number, body: Buffer): Buffer | null;
  /**
   * Events of a stream, as latin1, in which errors of the provider are told as such clients read them; absent if they
   * always can.
   */
  withErrors?(events: string, about: StreamAbout): string;
  /**
   * The headers, besides OpenAI's, in which clients of the dialect read what is left of a key's rate limits: names and
   * values in turn. `nowMs` is in milliseconds since 1970. Absent if there are none.
   */
  rateLimitHeaders?(rate: RateState, nowMs: number): readonly string[];
}

/**
 * The format of one API's requests, replies, streams and errors. The request path knows no dialect by name: it is built
 * for the dialect of an endpoint, and passes the `Ask` that the dialect made from step to step.
 *
 * @example
 * const read = dialect.read(body);
 * const ask = read instanceof Promise ? await read : read;
 * if (isRefusal(ask)) return ask;
 */
export interface Dialect extends AnswerReader {
  readonly name: DialectName;
  readonly errors: ErrorShape;
  /**
   * Makes a reader for a stream that is translated: it hides no event with usage. Null for a dialect without streams.
   */
  readWholeStream(credential: PartsPattern | null): StreamReader | null;
  /**
   * Reads a body, or refuses one that is malformed, for every key alike: what is no JSON, names that are ambiguous, and
   * values that `limits` reads and that are out of bounds. A large body is read in steps, so that other requests are
   * not delayed; only then is it a promise.
   */
  read(body: Buffer, caller?: Caller): Ask | Refusal | Promise<Ask | Refusal>;
  /**
   * Makes the JSON of an answer of the gateway's own, for a request to a model whose providers do not speak the
   * dialect. `target` is one that could be asked otherwise. Absent for a dialect that needs a provider.
   */
  answerHere?(ask: Ask, target: Target): Promise<Buffer>;
  /**
   * Tells usage in the dialect's words, for an answer whose provider told none to a caller that is always told it;
   * absent if every answer of the dialect tells usage.
   */
  readonly usageWords?: UsageWords;
  /**
   * What a client is sent, as latin1, while the provider of its stream is silent: a whole event that its SDK ignores;
   * absent if that is a comment.
   */
  readonly keepAlive?: string;
}

/** What a request says besides its body. */
export interface Caller {
  /** The headers as they arrived, names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Whether the caller is told the usage of each answer, whether or not its body asks for it. */
  readonly isToldUsage: boolean;
}

/** A caller without headers that is told the usage if its body asks for it. */
export const ANY_CALLER: Caller = { headers: {}, isToldUsage: false };

/** How a dialect tells usage where the provider's answer has none. */
export interface UsageWords {
  /** The value of `usage` in a plain reply. */
  object(usage: TokenUsage): object;
  /** The event of a stream that tells such a value, as latin1. */
  event(usage: object, requestId: string, model: string): string;
}
