import { addToBatch, emptyBatch, type Batch } from './batch.js';
import type { JournaledRequest } from './journaled-request.js';
import type { RecordType } from './records.js';

/**
 * Under load, records wait up to this many turns of the event loop, some 0.3 ms, to be written in one batch. Requests
 * that are answered together tend to send their next records together, so batches stay large.
 */
const GATHER_TURNS_MAX = 32;

/** Records that are gathered for one write; all callers share its result. */
export interface GatheredBatch extends Batch {
  readonly written: Promise<boolean>;
  readonly answer: (taken: boolean) => void;
  /** Turns of the event loop that the batch may still wait. */
  turnsLeft: number;
}

/** Stands in until the executor of the promise runs, which it does at once. */
const unheard = (): void => undefined;

/** Gathers the records of one turn of the event loop (of several under load) and decides when to write them. */
export class Gathering {
  #batch: GatheredBatch | null = null;
  #flushing: NodeJS.Immediate | null = null;

  /**
   * `flush` is called when the batch is to be taken and written. `expected` returns how many records may arrive at any
   * moment: one for each open request.
   */
  constructor(
    private readonly flush: () => void,
    private readonly expected: () => number,
  ) {}

  /** Finals in the batch that are not taken yet. */
  get finals(): number {
    return this.#batch?.finals.length ?? 0;
  }

  /** Adds a record. Resolves with the result of its batch: true if it was written. */
  add(type: RecordType, request: JournaledRequest, line: string): Promise<boolean> {
    let batch = this.#batch;
    if (batch === null) {
      let answer: GatheredBatch['answer'] = unheard;
      const written = new Promise<boolean>((resolve) => (answer = resolve));
      batch = this.#batch = { ...emptyBatch(), written, answer, turnsLeft: GATHER_TURNS_MAX };
      this.#flushing ??= setImmediate(this.#flushSoon);
    }
    addToBatch(batch, type, request, line);
    return batch.written;
  }

  /** Hands over the batch, or null if there is none. The caller must call its `answer`. */
  take(): GatheredBatch | null {
    if (this.#flushing !== null) clearImmediate(this.#flushing);
    this.#flushing = null;
    const batch = this.#batch;
    this.#batch = null;
    return batch;
  }

  /** Flushes, unless more records are likely: at most one for each open request is still expected. */
  readonly #flushSoon = (): void => {
    const batch = this.#batch;
    if (batch === null || batch.lines.length >= this.expected() || batch.turnsLeft === 0) return this.flush();
    batch.turnsLeft -= 1;
    this.#flushing = setImmediate(this.#flushSoon);
  };
}
