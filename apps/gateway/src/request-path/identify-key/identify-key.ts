import { DigestMemory } from './digest-memory.js';
import type { Exchange } from '../exchange.js';
import { refuse, type Refusal } from '../refusal.js';
import type { Identity, KeyCache } from './key-cache.js';

/**
 * Whose secret it is. A secret whose checksum fails costs no look-up; unknown, malformed and revoked answer alike. A key
 * that is remembered is let in whatever else comes from its address.
 */
export function identifyKey(cache: KeyCache, pepper: string): (exchange: Exchange) => Refusal | undefined | Promise<Refusal | undefined> {
  const digests = new DigestMemory(pepper);
  return (exchange) => {
    const digest = digests.digestOf(exchange.credential);
    exchange.credential = '';
    if (digest === null) return refuse('invalid_api_key');
    const remembered = cache.remembered(digest);
    if (remembered !== undefined) return accept(exchange, remembered);
    return cache.identify(digest, exchange.clientAddress).then((identity) => accept(exchange, identity));
  };
}

const RETRY_AFTER = ['retry-after', '1'];
const TOO_MANY_UNKNOWN = 'Too many unknown API keys came from this address. Wait before the next request.';

function accept(exchange: Exchange, identity: Identity): Refusal | undefined {
  switch (identity.kind) {
    case 'refused':
      return refuse('invalid_api_key');
    case 'unavailable':
      return refuse('keys_unavailable', { headers: RETRY_AFTER });
    case 'too_many':
      // No 401: whether the key is good was not asked.
      return refuse('rate_limit_exceeded', { message: TOO_MANY_UNKNOWN, headers: RETRY_AFTER });
    case 'active': {
      const { expiresAtMs } = identity.key.snapshot;
      if (expiresAtMs !== null && expiresAtMs <= exchange.startedAtMs) return refuse('expired_api_key');
      exchange.key = identity.key;
      return undefined;
    }
  }
}
