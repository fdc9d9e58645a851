import type { BodyBudget, BodyRoom } from '@tollgate/http';

/** The open requests of one key in this process. */
export interface KeyRequests {
  readonly apiKeyId: string;
  requests: number;
  /** Requests that admission has not decided on yet. Most of them wait for their body. */
  undecided: number;
  readonly bodies: BodyBudget;
}

/** One request in its key's count, from the moment its key is known to its end. */
export class OpenRequest {
  #undecided = true;

  constructor(
    readonly key: KeyRequests,
    readonly room: BodyRoom,
  ) {
    key.requests += 1;
    key.undecided += 1;
  }

  /** Whether this budget is the key's own part of the whole. */
  isOfKey(budget: BodyBudget): boolean {
    return budget === this.key.bodies;
  }

  /** Admission has decided: from now on it counts the request itself. */
  decided(): void {
    if (!this.#undecided) return;
    this.#undecided = false;
    this.key.undecided -= 1;
  }

  end(): void {
    this.decided();
    this.key.requests -= 1;
    this.room.free();
  }
}
