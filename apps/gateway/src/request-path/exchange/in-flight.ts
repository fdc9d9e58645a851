import type { KeyEnd } from '@tollgate/access';
import { setTimeout as pause } from 'node:timers/promises';
import type { Tombstone } from '@tollgate/api-key';
import type { OpenHold } from '@tollgate/credit';
import type { GatewayIdentity } from './gateway-identity.js';
import type { Exchange } from './exchange.js';
import { endOfCached } from '../identify-key/cached-key.js';
import { KEY_ENDS } from '../identify-key/key-end.js';

/** A call that was ended is settled within some turns of the event loop. Nothing waits longer than this for one. */
const END_MS_MAX = 2_000;

type EndedKey = Pick<Tombstone, 'apiKeyId' | 'version' | 'reason' | 'secretId' | 'digests'>;

/**
 * The requests of this process that have not ended. They are kept in an array, and each exchange knows its index. A Set
 * with constant changes leaves outgrown tables behind; each refers to its requests and to the next table, so that a
 * fifth of all requests were promoted to the old generation.
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
   * Stops all requests of a key on their way to a provider; if the tombstone is of one secret, those that were made
   * with it. If a request waits for its body, it is answered at once. A call that was already sent may finish, unless
   * the key or the secret leaked.
   */
  endKey({ apiKeyId, version, reason, secretId, digests }: EndedKey): void {
    // Iterate over a copy: an abort may end a request at once, which moves others in the list.
    for (const exchange of [...this.#exchanges]) {
      const { key } = exchange;
      if (key?.snapshot.apiKeyId !== apiKeyId) continue;
      if (secretId !== undefined && !digests.includes(key.digest)) continue;
      // It has been enabled since, and the request was made after that.
      if (reason === 'disabled' && key.snapshot.version > version) continue;
      end(exchange, 'invalid_api_key');
      if (reason === 'leaked') exchange.providerCall?.abort('revoked');
    }
  }

  /** The digests of the keys that have requests in flight. */
  digests(): Set<string> {
    return new Set(this.#exchanges.flatMap(({ key }) => (key === null ? [] : [key.digest])));
  }

  /** Does what `endKey` does for each key whose expiry has passed, and each secret whose grace period is over. */
  endExpired(): void {
    for (const exchange of this.#exchanges) {
      const { key } = exchange;
      if (key === null || exchange.keyEnd !== null) continue;
      if (key.clock === null && key.secretClock === null) continue;
      const why = endOfCached(key);
      if (why !== null) end(exchange, why);
    }
  }

  /** Ends each call that has exceeded its provider's time-out, or the time for which it may outlast its client. */
  abortLate(now: number): void {
    // Iterate backwards: an abort may end a request at once, which moves the last one to its place.
    for (let at = this.#exchanges.length - 1; at >= 0; at--) {
      const exchange = this.#exchanges[at];
      if (exchange !== undefined && now > exchange.callEndsAt)
        exchange.providerCall?.abort(exchange.clientLeft ? 'client_left' : 'timed_out');
    }
  }

  /** Tells the clients of streams that have been silent for long that these are alive. */
  keepAlive(now: number): void {
    for (const exchange of this.#exchanges) exchange.providerCall?.keepAlive(now);
  }

  /**
   * Ends the calls of a key whose clients have left, so that other requests can use their holds. Resolves true once
   * they are settled or a moment has passed; false if there were none.
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
          exchange.providerCall?.abort('client_left');
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

  /** The holds of an organisation whose requests have no final in the journal yet. */
  holdsOf(organizationId: string, gateway: GatewayIdentity): OpenHold[] {
    const holds: OpenHold[] = [];
    for (const exchange of this.#exchanges) {
      const { key } = exchange;
      if (!exchange.admitted || exchange.settled || key?.snapshot.organizationId !== organizationId) continue;
      const { snapshot } = key;
      if (exchange.holdNanoUsd === null && (snapshot.rateLimits.parallelRequests === null || exchange.clientLeft))
        continue;
      const { either, parts = [] } = exchange.held;
      const whole = exchange.holdNanoUsd === null ? [] : (exchange.charge?.accounts ?? []);
      holds.push({
        requestId: exchange.requestId,
        apiKeyId: snapshot.apiKeyId,
        ...gateway,
        amountNanoUsd: exchange.holdNanoUsd ?? 0n,
        accountIds: [...whole.map(({ accountId }) => accountId), ...(either === undefined ? [] : [either])],
        ...(parts.length > 0 ? { parts } : {}),
        parallel: snapshot.rateLimits.parallelRequests !== null && !exchange.clientLeft,
        tokens: 0,
      });
    }
    return holds;
  }

  /** Resolves when no request is in flight. */
  drained(): Promise<void> {
    return this.#exchanges.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#empty.push(resolve));
  }
}

function end(exchange: Exchange, why: KeyEnd): void {
  exchange.keyEnd ??= KEY_ENDS[why];
  exchange.onKeyEnd?.();
}
