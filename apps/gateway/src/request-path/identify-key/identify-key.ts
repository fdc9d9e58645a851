import type { KeyEnd } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import type { DigestMemory, Digests } from './digest-memory.js';
import type { Exchange } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { endOfCached } from './cached-key.js';
import type { Identity, KeyCache } from './key-cache.js';
import { KEY_ENDS } from './key-end.js';
import type { NewDigests } from './new-digests.js';

/** Tries for an answer that a change overtook, before the key is called unavailable. */
const ATTEMPTS_MAX = 5;

/**
 * Finds the key of a secret. A secret with a wrong checksum causes no look-up, unless there are imported keys, whose
 * secrets have any form. Unknown, malformed and revoked secrets
 * get the same answer. A cached key is accepted regardless of the traffic from its address. A key that is known only
 * under the previous pepper is noted in `newDigests`.
 */
export function identifyKey(
  cache: KeyCache,
  memory: DigestMemory,
  newDigests: Pick<NewDigests, 'note'>,
): (exchange: Exchange) => Refusal | undefined | Promise<Refusal | undefined> {
  return (exchange) => {
    const digests = memory.digestsOf(exchange.credential);
    exchange.credential = '';
    if (digests === null) return KEY_ENDS.invalid_api_key;
    if (digests.further !== undefined) return identifyAmong(cache, digests, digests.further, exchange, newDigests);
    const remembered = cache.remembered(digests.present);
    if (remembered !== undefined) return accept(exchange, remembered);
    return ask(cache, digests, exchange);
  };
}

/**
 * Does it where the key may have one of several digests: while a pepper is being replaced, or where it may have been
 * imported. It has a function of its own, so that the other one stays small enough to be inlined, and allocates
 * nothing for a known key.
 */
function identifyAmong(
  cache: KeyCache,
  digests: Digests,
  further: readonly string[],
  exchange: Exchange,
  newDigests: Pick<NewDigests, 'note'>,
): Refusal | undefined | Promise<Refusal | undefined> {
  const remembered = cache.remembered(digests.present, further);
  if (remembered === undefined)
    return ask(cache, digests, exchange).finally(() => noteNewDigest(exchange, digests, newDigests));
  const refusal = accept(exchange, remembered);
  noteNewDigest(exchange, digests, newDigests);
  return refusal;
}

function noteNewDigest({ key }: Exchange, digests: Digests, newDigests: Pick<NewDigests, 'note'>): void {
  if (key === null || digests.previous === null) return;
  for (const { present, previous } of [digests, ...(digests.imported ?? [])])
    if (previous !== null && key.digest === previous) newDigests.note(previous, present);
}

/**
 * Looks up the key of a secret by its digests, and checks that it may be used. A change of the key that arrives
 * meanwhile cannot reach the exchange, which has no key yet; so the key is checked once more.
 */
export function ask(cache: KeyCache, digests: Digests, exchange: Exchange, attempt = 1): Promise<Refusal | undefined> {
  const verifiedAt = cache.hearsChanges() ? -Infinity : cache.clocks.monotonicMs();
  return cache.identify(digests, exchange.clientAddress).then((identity) => {
    const standing = identity.kind === 'active' ? cache.standing(identity.key) : 'alive';
    switch (standing) {
      case 'unknown':
        return attempt < ATTEMPTS_MAX ? ask(cache, digests, exchange, attempt + 1) : UNAVAILABLE;
      case 'alive':
      case 'untrusted':
        exchange.keyVerifiedAt = verifiedAt;
        return accept(exchange, identity);
      case 'invalid_api_key':
      case 'expired_api_key':
      case 'subscription_expired':
        return ended(exchange, standing);
      default:
        return unreachable(standing);
    }
  });
}

const RETRY_AFTER = ['retry-after', '1'];
const UNAVAILABLE = refuse('keys_unavailable', { headers: RETRY_AFTER });
const TOO_MANY_UNKNOWN = 'Too many unknown API keys came from this address. Wait before the next request.';

function accept(exchange: Exchange, identity: Identity): Refusal | undefined {
  switch (identity.kind) {
    case 'refused':
      return ended(exchange, 'invalid_api_key');
    case 'unavailable':
      return UNAVAILABLE;
    case 'too_many':
      // Not a 401, because the key was not looked up.
      return refuse('rate_limit_exceeded', { message: TOO_MANY_UNKNOWN, headers: RETRY_AFTER });
    case 'active': {
      const end = endOfCached(identity.key);
      if (end !== null) return ended(exchange, end);
      // The first key stays, since what it reserved must be given back under its id.
      exchange.key ??= identity.key;
      return undefined;
    }
    default:
      return unreachable(identity);
  }
}

/** Notes that no provider may be called for this request any more. */
export function ended(exchange: Exchange, end: KeyEnd): Refusal {
  return (exchange.keyEnd = KEY_ENDS[end]);
}
