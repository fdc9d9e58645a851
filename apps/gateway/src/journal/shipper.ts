import type { BusPublisher } from '@tollgate/bus';
import type { Logger } from '@tollgate/telemetry';
import { publishFinals, readFinals } from './finals.js';
import type { Journal } from './journal.js';
import type { Segment } from './segment.js';

/** Finals are gathered for this long into one batch. A customer still sees usage within two seconds. */
const LINGER_MS = 100;
/** A smaller batch waits for more records before it is published. */
const SHIPMENT_BYTES_MIN = 128 * 1024;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

/**
 * Publishes the finals of a journal to the bus in order, and releases segments once all their finals are acknowledged.
 */
export class Shipper {
  #segment: Segment | null = null;
  #offset = 0;
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #idle: (() => void)[] = [];
  /** Calls of `flush` that wait, each with the moment of it. */
  #flushes: { readonly since: number; readonly done: () => void }[] = [];
  #lagSince: number | null = null;
  /** How many of the finals on disk are acknowledged. */
  #acknowledged = 0;

  constructor(
    private readonly journal: Journal,
    private readonly bus: BusPublisher,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.journal.onWritten(() => this.#wake());
    this.#wake();
  }

  /** Resolves when everything written so far is acknowledged. Rejects after `timeoutMs`, if given. */
  caughtUp(timeoutMs?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`usage events were not acknowledged within ${timeoutMs} ms`));
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#wake();
    });
  }

  /**
   * Resolves when all that the journal has on disk now is acknowledged, whatever is written meanwhile. It does not wait
   * for company. Rejects once the shipper is closed, if something is left to the next life.
   */
  flush(): Promise<void> {
    if (this.#running === null && !this.#behind()) return Promise.resolve();
    if (this.#closed) return Promise.reject(new Error('the shipper is closed before all is acknowledged'));
    return new Promise((done) => {
      this.#flushes.push({ since: performance.now(), done });
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      this.#begin();
    });
  }

  /** Milliseconds for which the oldest final has been waiting for its acknowledgement; 0 if none is waiting. */
  lagMs(): number {
    return this.#lagSince === null ? 0 : performance.now() - this.#lagSince;
  }

  /** Finals that are not acknowledged yet, including those that are not written yet. */
  unshipped(): number {
    return Math.max(0, this.journal.finalsWritten - this.#acknowledged) + this.journal.finalsWaiting;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #wake(): void {
    if (this.#closed || this.#running !== null || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#begin();
    }, LINGER_MS);
  }

  #begin(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      if (this.#flushes.length > 0) this.#begin();
      else if (this.#behind()) this.#wake();
    });
  }

  /** Ends the calls of `flush` of before a moment: all that was on disk then is acknowledged. */
  #flushed(before: number): void {
    if (this.#flushes.length === 0) return;
    for (const { since, done } of this.#flushes) if (since <= before) done();
    this.#flushes = this.#flushes.filter(({ since }) => since > before);
  }

  #behind(): boolean {
    const newest = this.journal.segments().at(-1);
    return newest !== undefined && (this.#segment !== newest || this.#offset < newest.size);
  }

  async #run(): Promise<void> {
    let retryMs = RETRY_MS_MIN;
    this.#lagSince ??= performance.now();
    while (!this.#closed) {
      try {
        if ((await this.#step()) === 'done') break;
        retryMs = RETRY_MS_MIN;
        if (this.#flushes.length === 0 && this.#waitsForMore()) return;
      } catch (error) {
        if (this.#closed) return;
        this.logger.warn({ err: error, retryMs }, 'usage events could not be published; they stay in the journal');
        await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
    if (this.#closed) return;
    this.#lagSince = null;
    this.#flushed(Infinity);
    for (const done of this.#idle.splice(0)) done();
  }

  /** Under load a small rest always remains: it is published together with the records of the next linger time. */
  #waitsForMore(): boolean {
    const newest = this.journal.segments().at(-1);
    if (newest === undefined || this.#segment !== newest) return false;
    const left = newest.size - this.#offset;
    return left > 0 && left < SHIPMENT_BYTES_MIN;
  }

  /** Publishes the next part, or returns `done` if all is shipped. */
  async #step(): Promise<'more' | 'done'> {
    const segments = this.journal.segments();
    const segment = this.#segment ?? segments[0];
    if (segment === undefined) return 'done';
    this.#segment = segment;
    if (this.#offset >= segment.size) {
      this.journal.shipped(segment);
      const next = this.journal.segments().find((other) => other.sequence > segment.sequence);
      if (next === undefined) {
        // Damage may have destroyed finals that were counted as written.
        this.#acknowledged = this.journal.finalsWritten;
        return 'done';
      }
      this.#segment = next;
      this.#offset = 0;
      return 'more';
    }
    const [asOf, sizeThen, isNewest] = [performance.now(), segment.size, segment === segments.at(-1)];
    const damaged = (bytes: number): void => {
      if (!segment.found) this.journal.noteDamage(segment, bytes);
    };
    const { finals, bytes } = await readFinals(segment, this.#offset, damaged);
    await publishFinals(this.bus, finals);
    this.#offset += bytes;
    this.#acknowledged += finals.length;
    // Under load the shipper is never done. What is left now was written after this read began.
    if (isNewest && this.#offset >= sizeThen) {
      this.#lagSince = asOf;
      this.#flushed(asOf);
    }
    return 'more';
  }
}
