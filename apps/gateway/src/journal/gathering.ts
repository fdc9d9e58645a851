import { addToBatch, emptyBatch, type Batch } from './batch.js';
import type { JournaledRequest } from './journaled-request.js';
import type { RecordType } from './records.js';

/**
 * Under load, records wait up to this many turns of the event loop, some 0.3 ms, to go out in one write. Requests that
 * are answered together tend to send their next records together, so batches stay large.
 */
const GATHER_TURNS_MAX = 32;

/** Records that are gathered: one write, and one answer for all who wait. */
export interface GatheredBatch extends Batch {
  readonly written: Promise<boolean>;
  readonly answer: (taken: boolean) => void;
  /** Turns of the event loop that it may still wait. */
  turnsLeft: number;
}

/** Gathers the records of one turn of the event loop, under load of some turns, and says when to write them. */
export class Gathering {
  #batch: GatheredBatch | null = null;
  #flushing: NodeJS.Immediate | null = null;

  /**
   * `flush` is called when what was gathered is to be taken and written. `expected` says how many records may arrive at
   * any moment: one of each open request.
   */
  constructor(
    private readonly flush: () => void,
    private readonly expected: () => number,
  ) {}

  /** Finals that wait to be taken. */
  get finals(): number {
    return this.#batch?.finals.length ?? 0;
  }

  /** Adds a record; resolves with what its batch is answered. */
  add(type: RecordType, request: JournaledRequest, line: string): Promise<boolean> {
    let batch = this.#batch;
    if (batch === null) {
      let answer: GatheredBatch['answer'];
      const written = new Promise<boolean>((resolve) => (answer = resolve));
      batch = this.#batch = { ...emptyBatch(), written, answer: answer!, turnsLeft: GATHER_TURNS_MAX };
      this.#flushing ??= setImmediate(this.#flushSoon);
    }
    addToBatch(batch, type, request, line);
    return batch.written;
  }

  /** Hands over what was gathered; null where there is nothing. Whoever takes it answers it. */
  take(): GatheredBatch | null {
    if (this.#flushing !== null) clearImmediate(this.#flushing);
    this.#flushing = null;
    const batch = this.#batch;
    this.#batch = null;
    return batch;
  }

  /** Flushes, unless more records are likely: at most one of each open request is still expected. */
  readonly #flushSoon = (): void => {
    const batch = this.#batch;
    if (batch === null || batch.lines.length >= this.expected() || batch.turnsLeft === 0) return this.flush();
    batch.turnsLeft -= 1;
    this.#flushing = setImmediate(this.#flushSoon);
  };
}
