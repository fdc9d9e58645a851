import type { Exchange } from '../exchange.js';
import type { Refusal } from '../refusal.js';
import { ask, ended } from './identify-key.js';
import { AGE_MS_MAX, type KeyCache } from './key-cache.js';

/** The looks at the key of a request after it was identified: between its end and a provider no request goes on. */
export class KeyLook {
  constructor(private readonly cache: KeyCache) {}

  /**
   * Whether the key may still be used, after the client has taken its time: of memory where that can be trusted, else
   * key-management is asked.
   */
  readonly afterBody = (exchange: Exchange): Refusal | undefined | Promise<Refusal | undefined> => this.#look(exchange, 0);

  /** As `afterBody`, between steps of ours: an answer of key-management holds for 3 s, as news of changes do. */
  readonly again = (exchange: Exchange): Refusal | undefined | Promise<Refusal | undefined> => this.#look(exchange, AGE_MS_MAX);

  /** Whether the request may be sent at this very moment; where not, `again` says why, or finds out. */
  readonly maySend = (exchange: Exchange): boolean => exchange.keyEnd === null && this.#isKnown(exchange, AGE_MS_MAX);

  #look(exchange: Exchange, answerMsMax: number): Refusal | undefined | Promise<Refusal | undefined> {
    if (exchange.keyEnd !== null) return exchange.keyEnd;
    if (this.#isKnown(exchange, answerMsMax)) return undefined;
    return exchange.keyEnd ?? ask(this.cache, exchange.key!.digest, exchange);
  }

  /** Whether the key is known to be alive; notes its end where that is known. */
  #isKnown(exchange: Exchange, answerMsMax: number): boolean {
    const standing = this.cache.standing(exchange.key!);
    switch (standing) {
      case 'alive':
        return true;
      case 'unknown':
        return false;
      case 'untrusted':
        return performance.now() - exchange.keyAskedAt < answerMsMax;
      default:
        ended(exchange, standing);
        return false;
    }
  }
}
