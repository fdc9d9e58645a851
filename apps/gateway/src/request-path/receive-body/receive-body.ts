import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../exchange.js';
import { refuse, type Refusal } from '../refusal.js';
import { scanBody, type BodyFields, type Span } from './scan-body.js';

/** Reads the body, at most `bytesMax`, and finds the fields the path needs. The bytes are kept as they came. */
export function receiveBody(bytesMax: number): (exchange: Exchange) => Promise<Refusal | undefined> {
  return async (exchange) => {
    const body = await collect(exchange.request, bytesMax);
    if (!Buffer.isBuffer(body)) return body;
    exchange.body = body;
    const fields = scanBody(body);
    if ('kind' in fields) {
      switch (fields.kind) {
        case 'not_json':
          return refuse('invalid_json', { message: `The body is not valid JSON, or nested too deep: see byte ${fields.at}.` });
        case 'not_object':
          return refuse('invalid_request', { message: 'The body must be a JSON object.' });
        case 'ambiguous':
          return refuse('invalid_request', { message: 'Each top-level field must be given once, and its name spelt without escapes.', param: fields.field });
      }
    }
    return read(exchange, body, fields);
  };
}

function read(exchange: Exchange, body: Buffer, fields: BodyFields): Refusal | undefined {
  exchange.fields = fields;
  const model = fields.model === null ? undefined : valueAt(body, fields.model);
  if (typeof model !== 'string' || model === '' || model.length > 200) {
    return refuse('invalid_request', { message: 'The field model must be a string of 1 to 200 characters.', param: 'model' });
  }
  exchange.model = model;
  const stream = fields.stream === null ? null : valueAt(body, fields.stream);
  if (stream !== null && typeof stream !== 'boolean') return refuse('invalid_request', { message: 'The field stream must be true or false.', param: 'stream' });
  exchange.stream = stream === true;
  const options = fields.streamOptions === null ? null : valueAt(body, fields.streamOptions);
  if (options !== null && (typeof options !== 'object' || Array.isArray(options))) {
    return refuse('invalid_request', { message: 'The field stream_options must be an object.', param: 'stream_options' });
  }
  exchange.inputTokensEstimate = Math.ceil(body.length / 4);
  return undefined;
}

/** The value at a span; undefined where the strings in it are no JSON. */
export function valueAt(body: Buffer, span: Span): unknown {
  try {
    return JSON.parse(body.toString('utf8', span.start, span.end));
  } catch {
    return undefined;
  }
}

function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer | Refusal> {
  const declared = Number(request.headers['content-length'] ?? 0);
  const tooLarge = (): Refusal => refuse('body_too_large', { message: `The body may have at most ${bytesMax} bytes.` });
  if (declared > bytesMax) return Promise.resolve(tooLarge());
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (result: Buffer | Refusal): void => {
      request.removeListener('data', onData);
      request.removeListener('end', onEnd);
      request.removeListener('close', onClose);
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > bytesMax) end(tooLarge());
      else chunks.push(chunk);
    };
    const onEnd = (): void => end(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    // The client broke off, or the server's time-out for a whole request has answered it: the path ends all the same.
    const onClose = (): void => end(refuse('request_timeout'));
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('close', onClose);
  });
}
