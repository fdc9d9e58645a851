import { setTimeout as pause } from 'node:timers/promises';
import type { Tombstone } from '@tollgate/api-key';
import type { OpenHold } from '@tollgate/credit';
import type { GatewayIdentity } from './gateway-identity.js';
import type { Exchange } from './exchange.js';
import { endOfCached } from '../identify-key/cached-key.js';
import { KEY_ENDS, type KeyEnd } from '../identify-key/key-end.js';

/** An ended call is settled within some turns of the event loop; nobody waits for one that is not. */
const END_MS_MAX = 2_000;

/**
 * The requests this process answers for at the moment. In an array, each exchange knowing its place: a Set that
 * requests go through all the time leaves a trail of dead tables, each holding the requests of its day and the next
 * table, so that a fifth of all requests outlived their time into the old generation.
 */
export class InFlight {
  readonly #exchanges: Exchange[] = [];
  #empty: (() => void)[] = [];

  get size(): number {
    return this.#exchanges.length;
  }

  add(exchange: Exchange): void {
    exchange.place = this.#exchanges.push(exchange) - 1;
  }

  remove(exchange: Exchange): void {
    const last = this.#exchanges.pop();
    if (last !== undefined && last !== exchange) {
      this.#exchanges[exchange.place] = last;
      last.place = exchange.place;
    }
    if (this.#exchanges.length === 0) for (const done of this.#empty.splice(0)) done();
  }

  [Symbol.iterator](): IterableIterator<Exchange> {
    return this.#exchanges.values();
  }

  /**
   * No request of a key goes on to a provider from here on. One whose body is awaited is answered at once; one that was
   * sent finishes, unless the key leaked.
   */
  endKey({ apiKeyId, reason }: Pick<Tombstone, 'apiKeyId' | 'reason'>): void {
    // Aborting may end a request at once, which moves others.
    for (const exchange of [...this.#exchanges]) {
      if (exchange.key?.snapshot.apiKeyId !== apiKeyId) continue;
      end(exchange, 'invalid_api_key');
      if (reason === 'leaked') exchange.call?.abort('revoked');
    }
  }

  /** The digests of the keys that requests are under way with. */
  digests(): Set<string> {
    return new Set(this.#exchanges.flatMap(({ key }) => (key === null ? [] : [key.digest])));
  }

  /** As `endKey`, for every key whose expiry has passed. */
  endExpired(): void {
    for (const exchange of this.#exchanges) {
      const { key } = exchange;
      if (key?.clock == null || exchange.keyEnd !== null) continue;
      const why = endOfCached(key);
      if (why !== null) end(exchange, why);
    }
  }

  /** Ends every call that has taken longer than its provider may, or than a client that left is waited for. */
  abortLate(now: number): void {
    // From the end: aborting may end a request at once, which moves the last one to its place.
    for (let at = this.#exchanges.length - 1; at >= 0; at--) {
      const exchange = this.#exchanges[at];
      if (exchange !== undefined && now > exchange.callEndsAt)
        exchange.call?.abort(exchange.clientLeft ? 'client_left' : 'timed_out');
    }
  }

  /**
   * Ends the calls of a key whose clients have left, so that their holds can be used by who is there. Resolves true
   * when they are settled, or a moment has passed; false where there were none.
   */
  async endLeft(apiKeyId: string): Promise<boolean> {
    const left = this.#exchanges.filter(
      (exchange) =>
        exchange.clientLeft &&
        !exchange.settled &&
        exchange.holdNanoUsd !== null &&
        exchange.key?.snapshot.apiKeyId === apiKeyId,
    );
    if (left.length === 0) return false;
    const settled = left.map(
      (exchange) =>
        new Promise<void>((resolve) => {
          (exchange.onSettled ??= []).push(resolve);
          exchange.call?.abort('client_left');
        }),
    );
    const patience = new AbortController();
    await Promise.race([
      Promise.all(settled),
      pause(END_MS_MAX, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    return true;
  }

  /** Holds of an organisation that no final in the journal has ended. */
  holdsOf(organizationId: string, gateway: GatewayIdentity): OpenHold[] {
    const holds: OpenHold[] = [];
    for (const exchange of this.#exchanges) {
      const { key } = exchange;
      if (!exchange.admitted || exchange.settled || key?.snapshot.organizationId !== organizationId) continue;
      const { snapshot } = key;
      if (exchange.holdNanoUsd === null && (snapshot.rateLimits.parallelRequests === null || exchange.clientLeft))
        continue;
      holds.push({
        requestId: exchange.requestId,
        apiKeyId: snapshot.apiKeyId,
        ...gateway,
        amountNanoUsd: exchange.holdNanoUsd ?? 0n,
        accountIds: exchange.holdNanoUsd === null ? [] : key.cappedAccounts.map(({ accountId }) => accountId),
        parallel: snapshot.rateLimits.parallelRequests !== null && !exchange.clientLeft,
        tokens: 0,
      });
    }
    return holds;
  }

  /** Resolves when nothing is in flight. */
  drained(): Promise<void> {
    return this.#exchanges.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#empty.push(resolve));
  }
}

function end(exchange: Exchange, why: KeyEnd): void {
  exchange.keyEnd ??= KEY_ENDS[why];
  exchange.onKeyEnd?.();
}
