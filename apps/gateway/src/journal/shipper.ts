import { closeSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import type { BusMessage, BusPublisher } from '@tollgate/bus';
import { USAGE_TOPIC_OF } from '@tollgate/contracts';
import type { Logger } from '@tollgate/telemetry';
import type { Journal } from './journal.js';
import { readLines } from './read-lines.js';
import type { Segment } from './segment.js';

const readAsync = promisify(read);

/** Finals are gathered for this long into one batch. A customer still sees usage within two seconds. */
const LINGER_MS = 100;
const READ_BYTES = 1024 * 1024;
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
    for (const version of VERSIONS) {
      const messages = finals.filter((final) => final.version === version).map(({ message }) => message);
      if (messages.length > 0) await this.bus.publish(USAGE_TOPIC_OF[version], messages);
    }
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

interface Final {
  readonly version: keyof typeof USAGE_TOPIC_OF;
  readonly message: BusMessage;
}

interface Finals {
  readonly finals: readonly Final[];
  /** The number of bytes that were read. */
  readonly bytes: number;
}

/**
 * Reads the finals among the complete records that fit one read. `damaged` is called with the number of bytes that are
 * no record.
 */
async function readFinals(segment: Segment, offset: number, damaged: (bytes: number) => void): Promise<Finals> {
  const fd = openSync(segment.path, 'r');
  try {
    for (let wanted = READ_BYTES; ; wanted *= 2) {
      const left = segment.size - offset;
      const size = Math.min(wanted, left);
      const { buffer: bytes, bytesRead: length } = await readAsync(fd, Buffer.allocUnsafe(size), 0, size, offset);
      const atEnd = size === left;
      const finals: Final[] = [];
      const visit = (start: number, end: number): void => {
        const final = finalIn(bytes, start, end);
        if (final !== null) finals.push(final);
      };
      const read = readLines({ bytes, length, checked: segment.checked, atEnd }, visit, damaged);
      if (length < size && atEnd) damaged(size - length);
      if (atEnd) return { finals, bytes: size };
      if (read > 0) return { finals, bytes: read };
    }
  } finally {
    closeSync(fd);
  }
}

const F = 0x46,
  SPACE = 0x20,
  OPEN_BRACE = 0x7b;

/** The versions of finals that a journal may hold: a gateway adopts the journal of the release before. */
const VERSIONS = [1, 2] as const;
/** How an event of the second version begins, whoever wrote it: its version is its first field. */
const SECOND_VERSION = Buffer.from('{"eventVersion":2,');

/**
 * The message for the final in a line; its bytes go to the bus unchanged. Null for other records and for invalid lines.
 */
function finalIn(bytes: Buffer, start: number, end: number): Final | null {
  if (bytes[start] !== F || bytes[start + 1] !== SPACE) return null;
  const organization = bytes.indexOf(SPACE, start + 2) + 1;
  const number = bytes.indexOf(SPACE, organization) + 1;
  const json = bytes.indexOf(SPACE, number) + 1;
  if (organization === 0 || number === 0 || json === 0 || json >= end || bytes[json] !== OPEN_BRACE) return null;
  const key = bytes.toString('latin1', organization, number - 1);
  const value = bytes.subarray(json, end);
  const isSecond = value.subarray(0, SECOND_VERSION.length).equals(SECOND_VERSION);
  return { version: isSecond ? 2 : 1, message: { key, value } };
}
