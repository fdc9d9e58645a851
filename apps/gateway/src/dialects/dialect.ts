import type { ErrorCode } from '@tollgate/errors';
import type { Refusal } from '../request-path/exchange/refusal.js';
import type { Ask } from './ask.js';
import type { PartsPattern } from '../providers/credential-mask.js';
import type { AnswerReader, StreamReader } from './answer.js';
import type { DialectName } from './dialect-name.js';

/** The format of our errors for clients of the dialect. */
export interface ErrorShape {
  /**
   * The body of a whole error reply. `message` replaces the catalogue's text; `param` names the faulty field;
   * `requestId` is ours.
   */
  body(code: ErrorCode, message: string | null, param: string | null, requestId: string): Buffer;
  /** An error event in the middle of a stream, as latin1. */
  event(code: ErrorCode, requestId: string): string;
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
  read(body: Buffer): Ask | Refusal | Promise<Ask | Refusal>;
}
