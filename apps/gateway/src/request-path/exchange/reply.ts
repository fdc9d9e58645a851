import { ERRORS, type ErrorCode } from '@tollgate/errors';
import { rateLimitHeaders } from '../admit/rate-limit-headers.js';
import type { Exchange } from './exchange.js';
import type { Refusal } from './refusal.js';

/** The headers that each reply of the path has: names and values in turn. */
export function replyHeaders(exchange: Exchange): string[] {
  const headers = exchange.rate === null ? [] : rateLimitHeaders(exchange.rate, exchange.errors);
  headers.push('x-request-id', exchange.requestId, 'request-id', exchange.requestId);
  return headers;
}

/**
 * Up to this size, head and body are sent as one string: Node.js then needs a single write without a list of buffers.
 */
const ONE_STRING_BYTES_MAX = 12 * 1024;

/** A small body as latin1, which maps each byte to one character; null for a larger one. */
export function smallText(body: Buffer): string | null {
  return body.length <= ONE_STRING_BYTES_MAX ? body.toString('latin1') : null;
}

/** Sends a whole reply. `text` is the body as `smallText` makes it. Does nothing if the client has left. */
export function sendReply(
  exchange: Exchange,
  status: number,
  contentType: string,
  body: Buffer,
  headers: readonly string[],
  text = smallText(body),
): void {
  const { reply } = exchange;
  if (reply.headersSent || reply.destroyed) return;
  const head = replyHeaders(exchange);
  head.push('content-type', contentType, 'content-length', String(body.length), ...headers);
  reply.writeHead(status, head);
  if (text !== null) reply.end(text, 'latin1');
  else reply.end(body);
}

/** The status of a refusal with this code in the error format of the endpoint's dialect. */
export function statusOf({ errors }: Pick<Exchange, 'errors'>, code: ErrorCode): number {
  return errors.statusOf?.(code) ?? ERRORS[code].status;
}

/** Sends a refusal in the error format of the endpoint's dialect. */
export function sendRefusal(exchange: Exchange, refusal: Refusal): void {
  const { code, message, param, headers } = refusal;
  const body = exchange.errors.body(code, message, param, exchange.requestId);
  sendReply(exchange, statusOf(exchange, code), 'application/json', body, headers);
}
