import type { Segment } from './segment.js';

/** A request as the journal knows it. Its caller hands the same object over with each of its records. */
export class JournaledRequest {
  #intentIn: Segment | null = null;
  #progressIn: Segment | null = null;

  constructor(
    readonly requestId: string,
    readonly organizationId: string,
  ) {}

  /** Its intent is written, and no final yet: one is owed. */
  get intended(): boolean {
    return this.#intentIn !== null;
  }

  intentIsIn(segment: Segment): void {
    this.#intentIn = segment;
    segment.openRequests += 1;
  }

  /** Older progress is needed no more. A final that was written first ends it all the same. */
  progressIsIn(segment: Segment): void {
    if (this.#intentIn === null) return;
    if (this.#progressIn !== null) this.#progressIn.openRequests -= 1;
    this.#progressIn = segment;
    segment.openRequests += 1;
  }

  /** Its final is written: nothing of it need be kept. */
  end(): void {
    if (this.#intentIn !== null) this.#intentIn.openRequests -= 1;
    if (this.#progressIn !== null) this.#progressIn.openRequests -= 1;
    this.#intentIn = this.#progressIn = null;
  }
}
