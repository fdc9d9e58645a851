import { JournaledRequest } from './journaled-request.js';
import type { JournalRecord } from './records.js';
import type { Segment } from './segment.js';

/** Requests that the lives before left without a final, until somebody ends them: read from their records in order. */
export class LeftRequests {
  readonly #open = new Map<string, JournaledRequest>();
  #finals = 0;

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Finals that were found. */
  get finals(): number {
    return this.#finals;
  }

  /** A request that was left open, to be ended now; else one of which the journal holds nothing. */
  take(requestId: string, organizationId: string): JournaledRequest {
    const left = this.#open.get(requestId);
    if (left === undefined) return new JournaledRequest(requestId, organizationId);
    this.#open.delete(requestId);
    return left;
  }

  /** A record that was found in a segment. */
  found(segment: Segment, { type, requestId, organizationId }: JournalRecord): void {
    const request = this.take(requestId, organizationId);
    if (type === 'I') request.intentIsIn(segment);
    else if (type === 'P' && request.intended) request.progressIsIn(segment);
    else if (type === 'F') request.end();
    if (request.intended) this.#open.set(requestId, request);
    if (type === 'F') this.#finals += 1;
  }
}
