import { unreachable } from '@tollgate/errors';
import type { Identified } from '../exchange/exchange.js';
import type { Refusal } from '../exchange/refusal.js';
import { ask, ended } from './identify-key.js';
import { AGE_MS_MAX, type KeyCache } from './key-cache.js';

/**
 * While changes of keys are not heard of, an answer of key-management counts for this long between steps of ours, which
 * take no time as a rule: one request asks twice then, not at every look.
 */
const ANSWER_MS_MAX = 100;

type Look = (exchange: Identified) => Refusal | undefined | Promise<Refusal | undefined>;

/**
 * The looks at a key after it was identified: there is no state between its end and a provider in which a request of it
 * goes on. A look costs a comparison in memory. Where memory cannot be trusted, key-management is asked, and the
 * request is 503 where that cannot be.
 */
export class KeyLook {
  constructor(private readonly cache: KeyCache) {}

  /** After the body, which is a client's to send as slowly as it likes. */
  readonly afterBody: Look = (exchange) => this.#look(exchange, 0);

  /** After a step of ours that may have waited, and before each call of a provider. */
  readonly again: Look = (exchange) => this.#look(exchange, ANSWER_MS_MAX);

  /** Whether the request may be sent at this very moment; where not, `again` says why, or finds out. */
  maySend(exchange: Identified): boolean {
    return exchange.keyEnd === null && this.#isAlive(exchange, AGE_MS_MAX);
  }

  #look(exchange: Identified, answerMsMax: number): ReturnType<Look> {
    if (exchange.keyEnd !== null) return exchange.keyEnd;
    if (this.#isAlive(exchange, answerMsMax)) return undefined;
    return exchange.keyEnd ?? ask(this.cache, exchange.key.digest, exchange);
  }

  /** Whether the key is known to be alive; notes its end where that is known. */
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
        ended(exchange, standing);
        return false;
      default:
        return unreachable(standing);
    }
  }
}
