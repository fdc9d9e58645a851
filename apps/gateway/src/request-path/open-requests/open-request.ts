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
  /** The room of what is kept beside the body; null for nothing. */
  #beside: BodyRoom[] | null = null;

  constructor(
    readonly key: KeyRequests,
    /** The room of the body. */
    readonly room: BodyRoom,
    private readonly budget: BodyBudget,
  ) {
    key.requests += 1;
    key.undecided += 1;
  }

  /** Whether this budget is the key's own part of the whole. */
  isOfKey(budget: BodyBudget): boolean {
    return budget === this.key.bodies;
  }

  /**
   * Room for something that is kept beside the body, as a translation of it. It is given back at the end of the
   * request, or before by whoever has no more use for it.
   */
  openRoom(): BodyRoom {
    const room = this.budget.open(this.key.bodies);
    (this.#beside ??= []).push(room);
    return room;
  }

  /** Whether a key may have so many bytes in memory, if it has nothing else there. */
  canHave(bytes: number): boolean {
    return bytes <= this.key.bodies.bytesMax;
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
    if (this.#beside !== null) for (const room of this.#beside) room.free();
  }
}
