import { BodyBudget, type BodyRoom } from '@tollgate/http';
import { retryHeaders } from '../admit/rate-limit-headers.js';
import type { Exchange, Identified } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

/** What one key may fill of the budget for bodies. */
const KEY_PART = 0.5;
/**
 * Bodies that are read beyond a key's parallel requests: a client that breaks off and asks again may be heard before
 * the end of its first connection is.
 */
const SPARE_BODIES = 4;
const RETRY_AFTER_MS = 1_000;

/** What one key has under way in this process. */
interface KeyCalls {
  readonly apiKeyId: string;
  calls: number;
  /** Those that admission has not decided yet: most of them wait for their body. */
  undecided: number;
  readonly bodies: BodyBudget;
}

/** A call among those of its key, from the moment its key is known to its end. */
export class Turn {
  #undecided = true;

  constructor(
    readonly key: KeyCalls,
    readonly room: BodyRoom,
  ) {
    key.calls += 1;
    key.undecided += 1;
  }

  /** Whether this budget is the key's own part. */
  isOfKey(budget: BodyBudget): boolean {
    return budget === this.key.bodies;
  }

  /** Admission has let it in: what it takes is counted there. */
  decided(): void {
    if (!this.#undecided) return;
    this.#undecided = false;
    this.key.undecided -= 1;
  }

  end(): void {
    this.decided();
    this.key.calls -= 1;
    this.room.free();
  }
}

/**
 * This process's own count of what each key has under way, so that no key takes all of it: asked before a body is read,
 * of memory alone. Calls whose clients have left are counted as long as their provider is heard, for its connection is
 * in use. The limits of the key itself are decided by admission, over all gateways.
 */
export class CallsUnderWay {
  readonly #keys = new Map<string, KeyCalls>();

  constructor(
    private readonly callsPerKeyMax: number,
    private readonly budget: BodyBudget,
  ) {}

  /** Bytes of bodies that are under way. */
  get bodyBytes(): number {
    return this.budget.bytes;
  }

  /** Counts a call whose key is known, or refuses it. `end` must follow. */
  begin(exchange: Identified): Refusal | undefined {
    const {
      apiKeyId,
      rateLimits: { parallelRequests },
    } = exchange.key.snapshot;
    const key = this.#keys.get(apiKeyId) ?? { apiKeyId, calls: 0, undecided: 0, bodies: this.#partOfKey() };
    if (key.calls >= this.callsPerKeyMax) {
      return tooMany(`The API key has ${key.calls} calls under way, and no key may have more in one server.`);
    }
    if (parallelRequests !== null && key.undecided >= parallelRequests + SPARE_BODIES) {
      return tooMany('The limit on parallel requests of the API key is reached.');
    }
    if (key.calls === 0) this.#keys.set(apiKeyId, key);
    exchange.turn = new Turn(key, this.budget.open(key.bodies));
    return undefined;
  }

  end(exchange: Exchange): void {
    const { turn } = exchange;
    if (turn === null) return;
    turn.end();
    exchange.turn = null;
    if (turn.key.calls === 0) this.#keys.delete(turn.key.apiKeyId);
  }

  #partOfKey(): BodyBudget {
    const bytes = Math.floor(this.budget.bytesMax * KEY_PART);
    return new BodyBudget(bytes, bytes);
  }
}

function tooMany(message: string): Refusal {
  return refuse('rate_limit_exceeded', { message, headers: retryHeaders(RETRY_AFTER_MS) });
}

/** Takes room for a body of `bytes`; a refusal where there is none. */
export function makeRoom({ turn }: Exchange, bytes: number): Refusal | undefined {
  const full = turn?.room.grow(bytes) ?? null;
  if (full === null) return undefined;
  if (turn?.isOfKey(full) === true)
    return tooMany('The bodies of the calls that the API key has under way are too large together.');
  return refuse('server_busy', { headers: retryHeaders(RETRY_AFTER_MS) });
}
