import { unreachable } from '@tollgate/errors';
import type { Exchange, Identified } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import type { CachedKey } from './cached-key.js';
import { ask, ended } from './identify-key.js';
import { AGE_MS_MAX, type KeyCache } from './key-cache.js';

/**
 * While no changes are received, an answer of key-management stays valid for this long between steps that usually take
 * no time. So a request asks twice, and not at each look.
 */
const ANSWER_MS_MAX = 100;

type Rule = (exchange: Identified) => Refusal | undefined;
type Look = (exchange: Identified) => Refusal | undefined | Promise<Refusal | undefined>;

/**
 * Checks a key again after it was identified, so that no request goes on to a provider after its key has ended. A check
 * costs a comparison in memory. If the cache cannot be trusted, key-management is asked; if it cannot be reached, the
 * request is answered 503.
 */
export class KeyLook {
  constructor(private readonly cache: KeyCache) {}

  /** Checks the key after the body, for which a client may take any time. */
  readonly afterBody: Look = (exchange) => this.#look(exchange, 0);

  /**
   * Goes on with the key as it is now, if it or its organisation was changed while the body came, and asks `rules`
   * about it again. For a body a client may take minutes: nobody keeps what a change took away by sending slowly.
   * Nothing is held or forwarded yet, so the request has not begun under the rules of before.
   */
  takeChanges(rules: readonly Rule[]): Look {
    return (exchange) => {
      const newest = this.cache.newest(exchange.key);
      if (newest === exchange.key) return undefined;
      if (newest !== null) return goOnWith(newest, exchange, rules);
      return ask(this.cache, { present: exchange.key.digest, previous: null }, exchange).then((refusal) => {
        const found = this.cache.newest(exchange.key);
        return refusal ?? (found === null ? refuse('keys_unavailable') : goOnWith(found, exchange, rules));
      });
    };
  }

  /** Checks the key after a step that may have waited, and before each call to a provider. */
  readonly again: Look = (exchange) => this.#look(exchange, ANSWER_MS_MAX);

  /** Whether the request may be sent at this moment. If not, `again` returns the reason or finds it out. */
  maySend(exchange: Identified): boolean {
    return exchange.keyEnd === null && this.#isAlive(exchange, AGE_MS_MAX);
  }

  #look(exchange: Identified, answerMsMax: number): ReturnType<Look> {
    if (exchange.keyEnd !== null) return exchange.keyEnd;
    if (this.#isAlive(exchange, answerMsMax)) return undefined;
    return exchange.keyEnd ?? ask(this.cache, { present: exchange.key.digest, previous: null }, exchange);
  }

  /** Whether the key is known to be active. If it is known to have ended, notes that in the exchange. */
  #isAlive(exchange: Identified, answerMsMax: number): boolean {
    const standing = this.cache.standing(exchange.key);
    switch (standing) {
      case 'alive':
        return true;
      case 'unknown':
        return false;
      case 'untrusted':
        return this.cache.clocks.monotonicMs() - exchange.keyVerifiedAt < answerMsMax;
      case 'invalid_api_key':
      case 'expired_api_key':
      case 'subscription_expired':
        ended(exchange, standing);
        return false;
      default:
        return unreachable(standing);
    }
  }
}

function goOnWith(key: CachedKey, exchange: Identified, rules: readonly Rule[]): Refusal | undefined {
  (exchange as Exchange).key = key;
  for (const rule of rules) {
    const refusal = rule(exchange);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
