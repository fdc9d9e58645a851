import type { IncomingMessage } from 'node:http';

/** RFC 9112, section 6: a request has a body when it says how that is framed. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** The bytes of a body by its framing (RFC 9112, section 6): 0 without a body, null where only its end tells. */
export function declaredBytes({ headers }: IncomingMessage): number | null {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : null;
}
