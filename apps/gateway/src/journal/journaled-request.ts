import type { Segment } from './segment.js';

/** The journal's state of a request. Callers pass the same object with each record of a request. */
export class JournaledRequest {
  #intentIn: Segment | null = null;
  #progressIn: Segment | null = null;
  #onEnd: (() => void) | null = null;

  constructor(
    readonly requestId: string,
    readonly organizationId: string,
  ) {}

  /** True from the intent until the final is written: exactly one final must follow. */
  get intended(): boolean {
    return this.#intentIn !== null;
  }

  intentIsIn(segment: Segment): void {
    this.#intentIn = segment;
    segment.openRequests += 1;
  }

  /** Newer progress replaces older. Progress that is written after the final is ignored. */
  progressIsIn(segment: Segment): void {
    if (this.#intentIn === null) return;
    if (this.#progressIn !== null) this.#progressIn.openRequests -= 1;
    this.#progressIn = segment;
    segment.openRequests += 1;
  }

  /** Notes that the final is written: no record of the request need be kept any longer. */
  end(): void {
    if (this.#intentIn !== null) this.#intentIn.openRequests -= 1;
    if (this.#progressIn !== null) this.#progressIn.openRequests -= 1;
    this.#intentIn = this.#progressIn = null;
    this.#onEnd?.();
    this.#onEnd = null;
  }

  /** Sets the listener that is called once the final is written, which could not be written at first. */
  onEnd(listener: () => void): void {
    this.#onEnd = listener;
  }
}
