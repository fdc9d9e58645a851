import { JournaledRequest } from './journaled-request.js';
import type { JournalRecord } from './records.js';
import type { Segment } from './segment.js';

/**
 * Requests that previous processes left without a final, collected from their records in order, until each is ended.
 */
export class LeftRequests {
  readonly #open = new Map<string, JournaledRequest>();
  #finals = 0;

  /** Requests without a final. */
  get size(): number {
    return this.#open.size;
  }

  /** Finals that were found. */
  get finals(): number {
    return this.#finals;
  }

  /** Removes and returns the request that was left open; if there is none, returns a new one without records. */
  take(requestId: string, organizationId: string): JournaledRequest {
    const left = this.#open.get(requestId);
    if (left === undefined) return new JournaledRequest(requestId, organizationId);
    this.#open.delete(requestId);
    return left;
  }

  /** Takes in the next record that was read from a segment. */
  found(segment: Segment, { type, requestId, organizationId }: JournalRecord): void {
    const request = this.take(requestId, organizationId);
    if (type === 'I') request.intentIsIn(segment);
    else if (type === 'P' && request.intended) request.progressIsIn(segment);
    else if (type === 'F') request.end();
    if (request.intended) this.#open.set(requestId, request);
    if (type === 'F') this.#finals += 1;
  }
}
