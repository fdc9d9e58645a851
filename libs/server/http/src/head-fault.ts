import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.js';

/**
 * Of each of these fields Node.js keeps the first and drops the others, while a proxy before us may have gone by the
 * last: by which host, whose credential, or as what a body was meant.
 */
const SINGLE = new Map(
  ['Host', 'Authorization', 'Content-Type'].map((shown, at) => [
    shown.length,
    { shown, name: shown.toLowerCase(), bit: 1 << at },
  ]),
);
/** A name or an address, and a port (RFC 3986, section 3.2.2): nothing that ends a host, or stands before one. */
const HOST = /^[\w.~%!$&'()*+,;=:[\]-]*$/;

/**
 * What is wrong with the head of a request that Node.js has parsed, in words for its sender; null where nothing is.
 * `rawHeaders` are names and values in turn.
 */
export function headFault(rawHeaders: readonly string[]): string | null {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const raw = rawHeaders[at] ?? '';
    const value = rawHeaders[at + 1] ?? '';
    if (raw.length === TRANSFER_ENCODING.length && raw.toLowerCase() === TRANSFER_ENCODING) {
      if (value.trim().toLowerCase() !== 'chunked') return 'The Transfer-Encoding can only be chunked.';
    }
    // By their lengths, which all differ: no name is compared with more than one.
    const single = SINGLE.get(raw.length);
    if (single === undefined || raw.toLowerCase() !== single.name) continue;
    // RFC 9112, section 3.2: that is 400, and so is a Host that is none.
    if ((seen & single.bit) !== 0) return `The request has more than one ${single.shown} header.`;
    if (single.name === 'host' && !HOST.test(value))
      return 'The Host header is no name or address of a host, with a port or without.';
    seen |= single.bit;
  }
  return null;
}

const TRANSFER_ENCODING = 'transfer-encoding';

/** Answers a request whose head is faulty by 400. Raw handlers in front of the framework ask for themselves. */
export function refuseFaultyHeads(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const fault = headFault(request.raw.rawHeaders);
    if (fault === null) done();
    else done(new Problem('invalid_request', { detail: fault }));
  });
}
