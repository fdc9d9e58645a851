import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

const BEARER = /^Bearer +(\S+) *$/i;

/**
 * Takes the credential from `Authorization: Bearer` or, if there is no such header, from `x-api-key`. An
 * `Authorization` header in another form is not ignored in favour of the second: a client that sends both means the
 * first.
 */
export function readCredential(exchange: Exchange): Refusal | undefined {
  const credential = credentialOf(exchange.request);
  if (credential === null) return refuse('missing_api_key');
  exchange.credential = credential;
  return undefined;
}

function credentialOf(request: IncomingMessage): string | null {
  const authorization = request.headers.authorization;
  if (authorization !== undefined && authorization !== '') return BEARER.exec(authorization)?.[1] ?? '';
  const apiKey = request.headers['x-api-key'];
  return typeof apiKey === 'string' && apiKey !== '' ? apiKey.trim() : null;
}
