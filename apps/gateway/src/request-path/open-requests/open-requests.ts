import { BodyBudget, type BodyRoom } from '@tollgate/http';
import { retryHeaders } from '../admit/rate-limit-headers.js';
import type { Exchange, Identified } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { OpenRequest, type KeyRequests } from './open-request.js';

/** The part of the budget for bodies that one key may fill. */
const KEY_PART = 0.5;
/**
 * Bodies that are read beyond a key's parallel requests. If a client breaks off and asks again, the new request can
 * arrive before the end of the old connection is noticed.
 */
const SPARE_BODIES = 4;
const RETRY_AFTER_MS = 1_000;

/**
 * Counts the open requests of each key in this process, so that no key takes all of its memory and connections. It is
 * asked before a body is read, and needs no other service. A request whose client has left counts until its provider
 * call ends, since it still uses a connection. The key's own limits are decided by admission, for all gateways
 * together.
 */
export class OpenRequests {
  readonly #keys = new Map<string, KeyRequests>();

  constructor(
    private readonly requestsPerKeyMax: number,
    private readonly budget: BodyBudget,
  ) {}

  /** Bytes of all bodies in memory. */
  get bodyBytes(): number {
    return this.budget.bytes;
  }

  /** Counts a request whose key is known, or refuses it. The caller must call `end` afterwards. */
  begin(exchange: Identified): Refusal | undefined {
    const {
      apiKeyId,
      rateLimits: { parallelRequests },
    } = exchange.key.snapshot;
    const key = this.#keys.get(apiKeyId) ?? { apiKeyId, requests: 0, undecided: 0, bodies: this.#partOfKey() };
    if (key.requests >= this.requestsPerKeyMax) {
      return tooMany(`The API key has ${key.requests} calls under way, and no key may have more in one server.`);
    }
    if (parallelRequests !== null && key.undecided >= parallelRequests + SPARE_BODIES) {
      return tooMany('The limit on parallel requests of the API key is reached.');
    }
    if (key.requests === 0) this.#keys.set(apiKeyId, key);
    exchange.openRequest = new OpenRequest(key, this.budget.open(key.bodies), this.budget);
    return undefined;
  }

  end(exchange: Exchange): void {
    const { openRequest } = exchange;
    if (openRequest === null) return;
    openRequest.end();
    exchange.openRequest = null;
    if (openRequest.key.requests === 0) this.#keys.delete(openRequest.key.apiKeyId);
  }

  #partOfKey(): BodyBudget {
    const bytes = Math.floor(this.budget.bytesMax * KEY_PART);
    return new BodyBudget(bytes, bytes);
  }
}

function tooMany(message: string): Refusal {
  return refuse('rate_limit_exceeded', { message, headers: retryHeaders(RETRY_AFTER_MS) });
}

/**
 * Takes room in the budget for a body of `bytes`, or in another room of the request for what is kept beside its body;
 * returns a refusal if there is not enough.
 */
export function makeRoom(
  { openRequest }: Pick<Exchange, 'openRequest'>,
  bytes: number,
  room: BodyRoom | null = openRequest?.room ?? null,
): Refusal | undefined {
  const full = room?.grow(bytes) ?? null;
  if (full === null) return undefined;
  if (openRequest?.isOfKey(full) === true)
    return tooMany('The bodies of the calls that the API key has under way are too large together.');
  return refuse('server_busy', { headers: retryHeaders(RETRY_AFTER_MS) });
}
