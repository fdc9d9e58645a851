import { unreachable } from '@tollgate/errors';
import { askForBody, BodyChunks, declaredBytes, REQUEST_TIMEOUT_MS, watchPace } from '@tollgate/http';
import { makeRoom } from '../open-requests/open-requests.js';
import { CONTENT_CODINGS, contentCodings } from '../exchange/content-coding.js';
import type { Exchange } from '../exchange/exchange.js';
import { isRefusal, refuse, type Refusal } from '../exchange/refusal.js';
import type { Ask } from '../../dialects/ask.js';
import type { Dialect } from '../../dialects/dialect.js';
import { decodedBody, encodedBytesMax } from './decode-body.js';

/**
 * Reads the body, which may have `bytesMax` bytes once it is decoded, and parses it by the dialect. `ask.body` keeps
 * the decoded bytes unchanged.
 */
export function receiveBody(bytesMax: number, dialect: Dialect): (exchange: Exchange) => Promise<Refusal | undefined> {
  return (exchange) => {
    exchange.bodyBytes = 0;
    const coding = exchange.request.headers['content-encoding'];
    return coding === undefined
      ? receivePlain(exchange, dialect, bytesMax)
      : receiveCoded(exchange, dialect, bytesMax, coding);
  };
}

async function receiveCoded(
  exchange: Exchange,
  dialect: Dialect,
  bytesMax: number,
  header: string,
): Promise<Refusal | undefined> {
  const codings = contentCodings(header);
  if (codings === undefined) return UNKNOWN_CODING;
  if (codings.length === 0) return receivePlain(exchange, dialect, bytesMax);
  const { request } = exchange;
  const refusal = ask(exchange, encodedBytesMax(bytesMax), bytesMax);
  if (refusal !== undefined) return refusal;
  let codedBytes = 0;
  request.on('data', (chunk: Buffer) => {
    codedBytes += chunk.length;
    exchange.bodyBytes = Math.max(exchange.bodyBytes, codedBytes);
  });
  let full: Refusal | undefined;
  const hasRoom = (bytes: number): boolean => {
    exchange.bodyBytes = Math.max(exchange.bodyBytes, bytes);
    return (full = makeRoom(exchange, bytes)) === undefined;
  };
  const watch = (tooSlow: () => void): (() => void) => watchArrival(request, () => codedBytes, tooSlow);
  const body = await decodedBody(request, codings, bytesMax, { hasRoom, watch });
  if (Buffer.isBuffer(body)) return read(exchange, dialect, body);
  switch (body.kind) {
    case 'no_room':
      return full;
    case 'too_slow':
      return TOO_SLOW;
    case 'too_large':
      return refuse('body_too_large', { message: `The body may have at most ${bytesMax} bytes once it is decoded.` });
    case 'broken':
      return refuse('invalid_json', {
        message:
          `The body is not valid ${body.coding}, as its Content-Encoding says: ` +
          'it is cut off, damaged, or followed by something else.',
      });
    case 'broken_off':
      return BROKEN_OFF;
    default:
      return unreachable(body);
  }
}

/** Parses the complete body. */
function read(exchange: Exchange, dialect: Dialect, body: Buffer): Refusal | undefined | Promise<Refusal | undefined> {
  const asked = dialect.read(body, { headers: exchange.request.headers, isToldUsage: exchange.isToldCost });
  return asked instanceof Promise ? asked.then((late) => take(exchange, late)) : take(exchange, asked);
}

function take(exchange: Exchange, asked: Ask | Refusal): Refusal | undefined {
  if (isRefusal(asked)) return asked;
  exchange.ask = asked;
  return undefined;
}

/**
 * Ends the path of a request whose client broke off, or that the server's time-out for a whole request has answered.
 */
const BROKEN_OFF = refuse('request_timeout');
const UNKNOWN_CODING = refuse('unsupported_media_type', {
  message: `The Content-Encoding of the body cannot be read. These can be read: ${CONTENT_CODINGS}.`,
  headers: ['accept-encoding', CONTENT_CODINGS],
});
function tooLarge(bytesMax: number): Refusal {
  return refuse('body_too_large', { message: `The body may have at most ${bytesMax} bytes.` });
}

const TOO_SLOW = refuse('request_timeout', {
  message: 'The body arrives too slowly to be complete within the time limit of a request.',
});

/** Takes room for a body by its declared size, then sends `100 Continue` to a client that waits for it. */
function ask(exchange: Exchange, declaredBytesMax: number, bytesMax: number): Refusal | undefined {
  const { request, reply } = exchange;
  // The client may have left while the key was looked up; no event will tell that any more.
  if (request.destroyed) return BROKEN_OFF;
  const declared = declaredBytes(request) ?? 0;
  if (declared > declaredBytesMax) {
    exchange.bodyBytes = declared;
    return tooLarge(bytesMax);
  }
  const refusal = makeRoom(exchange, declared);
  if (refusal === undefined) askForBody(request, reply);
  return refusal;
}

function watchArrival(request: Exchange['request'], bytes: () => number, tooSlow: () => void): () => void {
  return watchPace({ bytes, sizeBytes: declaredBytes(request), timeoutMs: REQUEST_TIMEOUT_MS }, tooSlow);
}

/**
 * Resolves with the result of `read` once the body is complete, or earlier with a refusal if it is too large or finds
 * no room.
 */
function receivePlain(exchange: Exchange, dialect: Dialect, bytesMax: number): Promise<Refusal | undefined> {
  const refused = ask(exchange, bytesMax, bytesMax);
  if (refused !== undefined) return Promise.resolve(refused);
  const { request } = exchange;
  return new Promise((resolve, reject) => {
    let chunks: BodyChunks | null = new BodyChunks();
    const giveUp = (refusal: Refusal): void => {
      chunks = null;
      resolve(refusal);
    };
    const unwatch = watchArrival(
      request,
      () => exchange.bodyBytes,
      () => giveUp(TOO_SLOW),
    );
    request.on('data', (chunk: Buffer) => {
      if (chunks === null) return;
      const size = (exchange.bodyBytes += chunk.length);
      const refusal = size > bytesMax ? tooLarge(bytesMax) : makeRoom(exchange, size);
      if (refusal === undefined) chunks.add(chunk);
      else giveUp(refusal);
    });
    request.on('end', () => {
      if (chunks === null) return;
      try {
        resolve(read(exchange, dialect, chunks.take()));
      } catch (error) {
        reject(error as Error);
      }
      chunks = null;
    });
    request.on('close', () => {
      unwatch();
      giveUp(BROKEN_OFF);
    });
  });
}
