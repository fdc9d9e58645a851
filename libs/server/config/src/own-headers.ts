/**
 * Headers that an entry of a provider cannot set: credentials, which have a place of their own; what is about one
 * connection (RFC 9110, section 7.6.1) or about the body; and what Tollgate says in each call.
 */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'cookie',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-encoding',
  'content-length',
  'content-type',
  'accept',
  'accept-encoding',
  'user-agent',
  'x-request-id',
]);

/** Whether only Tollgate itself sets a header of a call, in any case. */
export function isOwnHeader(name: string): boolean {
  return OWN_HEADERS.has(name.toLowerCase());
}
