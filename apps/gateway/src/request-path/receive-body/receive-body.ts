import { unreachable } from '@tollgate/errors';
import { askForBody, BodyChunks, declaredBytes, REQUEST_TIMEOUT_MS, watchPace } from '@tollgate/http';
import { makeRoom } from '../calls-under-way/calls-under-way.js';
import { CONTENT_CODINGS, contentCodings } from '../exchange/content-coding.js';
import type { Exchange } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { estimateInputTokens, estimateInputTokensInSteps } from '../../dialects/openai-chat/input-estimate.js';
import { decodedBody, encodedBytesMax } from './decode-body.js';
import { isModelName } from './model-name.js';
import { nextTurn } from './next-turn.js';
import { OTHERS_MAX, scanBody, scanBodyInSteps, STEP_BYTES, type BodyFields, type ScanFault } from '../../dialects/openai-chat/scan-body.js';
import { readStreamOptions } from '../../dialects/openai-chat/stream-options.js';
import { valueAt } from '../../json-scan/values.js';

/**
 * Reads the body, at most `bytesMax` once it is decoded, and finds the fields the path needs. The bytes are kept as
 * they came, without their content coding.
 */
export function receiveBody(bytesMax: number): (exchange: Exchange) => Promise<Refusal | undefined> {
  return (exchange) => {
    exchange.bodyBytes = 0;
    const coding = exchange.request.headers['content-encoding'];
    return coding === undefined ? receivePlain(exchange, bytesMax) : receiveCoded(exchange, bytesMax, coding);
  };
}

async function receiveCoded(exchange: Exchange, bytesMax: number, header: string): Promise<Refusal | undefined> {
  const codings = contentCodings(header);
  if (codings === undefined) return UNKNOWN_CODING;
  if (codings.length === 0) return receivePlain(exchange, bytesMax);
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
  if (Buffer.isBuffer(body)) return read(exchange, body);
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

/** A large body is read in steps, so that it does not hold up the others; of all others the answer is there at once. */
function read(exchange: Exchange, body: Buffer): Refusal | undefined | Promise<Refusal | undefined> {
  exchange.body = body;
  if (body.length > STEP_BYTES) return readInSteps(exchange, body);
  const fields = scanBody(body);
  const refusal = take(exchange, body, fields);
  if (refusal === undefined) exchange.inputTokensEstimate = estimateInputTokens(body, fields as BodyFields);
  return refusal;
}

async function readInSteps(exchange: Exchange, body: Buffer): Promise<Refusal | undefined> {
  const fields = await scanBodyInSteps(body, nextTurn);
  const refusal = take(exchange, body, fields);
  if (refusal === undefined)
    exchange.inputTokensEstimate = await estimateInputTokensInSteps(body, fields as BodyFields, nextTurn);
  return refusal;
}

function take(exchange: Exchange, body: Buffer, fields: BodyFields | ScanFault): Refusal | undefined {
  if ('kind' in fields) return faulty(fields);
  exchange.fields = fields;
  const model = fields.model === null ? undefined : valueAt(body, fields.model);
  if (!isModelName(model)) return NO_MODEL_NAME;
  exchange.model = model;
  const stream = fields.stream === null ? null : valueAt(body, fields.stream);
  if (stream !== null && typeof stream !== 'boolean')
    return refuse('invalid_request', { message: 'The field stream must be true or false.', param: 'stream' });
  exchange.stream = stream === true;
  return readStreamOptions(exchange, body, fields.streamOptions);
}

function faulty(fault: ScanFault): Refusal {
  switch (fault.kind) {
    case 'not_json':
      return refuse('invalid_json', {
        message: `The body is not valid JSON, nested too deep, or has a number of thousands of digits: see byte ${fault.at}.`,
      });
    case 'odd_name':
      return refuse('invalid_request', {
        message: `The name of a field has a character that cannot be seen, or bytes that are no UTF-8: see byte ${fault.at}.`,
      });
    case 'many_unknown':
      return refuse('invalid_request', {
        message: `The body may have at most ${OTHERS_MAX} fields that are not known.`,
      });
    case 'not_object':
      return refuse('invalid_request', { message: 'The body must be a JSON object.' });
    case 'ambiguous':
      return refuse('invalid_request', {
        message: `The field ${fault.field} must be given once, and its name spelt in lower case as it stands here, without escapes.`,
        param: fault.field,
      });
    case 'too_long':
      return refuse('invalid_request', {
        message: `The value of the field ${fault.field} is too long.`,
        param: fault.field,
      });
    case 'long_name':
      return refuse('invalid_request', { message: 'The name of a field may have at most 1024 bytes.' });
    default:
      return unreachable(fault);
  }
}

const NO_MODEL_NAME = refuse('invalid_request', {
  message: 'The field model must be a string of 1 to 200 characters, none of them a control character.',
  param: 'model',
});

/** The client broke off, or the server's time-out for a whole request has answered it: the path ends all the same. */
const BROKEN_OFF = refuse('request_timeout');
const UNKNOWN_CODING = refuse('unsupported_media_type', {
  message: `The Content-Encoding of the body cannot be read. What can be: ${CONTENT_CODINGS}.`,
  headers: ['accept-encoding', CONTENT_CODINGS],
});
function tooLarge(bytesMax: number): Refusal {
  return refuse('body_too_large', { message: `The body may have at most ${bytesMax} bytes.` });
}

const TOO_SLOW = refuse('request_timeout', {
  message: 'The body comes too slowly to be whole within the time that a request has.',
});

/** Takes room for a body by the size that it says it has, and then asks a client for it that waits to be asked. */
function ask(exchange: Exchange, declaredBytesMax: number, bytesMax: number): Refusal | undefined {
  const { request, reply } = exchange;
  // While its key was asked for: no event will tell it any more.
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

/** What `read` says of the body once it is all there; a refusal as soon as it is too large, or has no room. */
function receivePlain(exchange: Exchange, bytesMax: number): Promise<Refusal | undefined> {
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
        resolve(read(exchange, chunks.take()));
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
