import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { LineEncoder } from './encode-lines.js';
import { newSegment, removeSegment, removeSegmentLater, type Segment } from './segment.js';

/** A segment is closed at this size, and a new one begun. */
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;
/**
 * A segment that is shipped to its end is closed above this size; what stands below it is shipped again after a crash,
 * harmlessly.
 */
const SEGMENT_BYTES_KEPT_MAX = 1024 * 1024;
/** Written records reach the disk at most this much later; a power cut can lose them, a crash of the process cannot. */
const SYNC_INTERVAL_MS = 1_000;
/**
 * A shipped segment is kept this long: under a new credit epoch the finals that are not booked yet are announced,
 * and what the bus acknowledged may take a moment to be booked.
 */
const KEPT_AFTER_SHIPPING_MS = 60_000;

export interface SegmentCounts {
  readonly segments: number;
  readonly bytes: number;
  /** Age of the oldest segment. */
  readonly ageMs: number;
}

/** The files of a journal: those that lives before left, and the newest one, which is written to. */
export class SegmentFiles {
  readonly #segments: Segment[];
  readonly #encoder = new LineEncoder();
  readonly #syncTimer: NodeJS.Timeout;
  #fd: number;
  #dirty = false;

  /** `firstNumber` is asked for the first number of each segment that is begun; the first one is begun at once. */
  constructor(
    private readonly folder: string,
    found: readonly Segment[],
    private readonly firstNumber: () => number,
  ) {
    this.#segments = [...found];
    this.#fd = this.#begin();
    this.#syncTimer = setInterval(() => this.#sync(), SYNC_INTERVAL_MS).unref();
  }

  /** All of them, oldest first. The list changes as segments come and go. */
  get all(): readonly Segment[] {
    return this.#segments;
  }

  /** The one that is written to. */
  get newest(): Segment {
    return this.#segments.at(-1)!;
  }

  counts(): SegmentCounts {
    return {
      segments: this.#segments.length,
      bytes: this.#segments.reduce((sum, segment) => sum + segment.size, 0),
      ageMs: Math.max(0, Date.now() - this.#segments[0]!.begunAtMs),
    };
  }

  /** Appends lines. Throws where the disk does not take all of them; then nothing of them is in the journal. */
  write(lines: readonly string[]): void {
    const bytes = this.#encoder.encode(lines);
    let segment = this.newest;
    try {
      if (segment.size > SEGMENT_BYTES_MAX) {
        this.#fd = this.#begin();
        segment = this.newest;
      }
      const size = bytes.length;
      let written = 0;
      while (written < size) written += writeSync(this.#fd, bytes, written, size - written, segment.size + written);
      segment.size += size;
      segment.shippedAtMs = null;
      this.#dirty = true;
    } catch (error) {
      // A part may be on disk: nobody was told, so it must not be found later.
      try {
        ftruncateSync(this.#fd, segment.size);
      } catch {
        // The next write starts at the same place and overwrites it.
      }
      throw error;
    }
  }

  /** All of a segment, as it stands, is acknowledged. */
  shipped(segment: Segment): void {
    const isNewest = segment === this.newest;
    if (isNewest && segment.size > SEGMENT_BYTES_KEPT_MAX) this.#fd = this.#begin();
    if (!isNewest || segment.size > SEGMENT_BYTES_KEPT_MAX) segment.shippedAtMs ??= performance.now();
    this.#dropShipped(KEPT_AFTER_SHIPPING_MS, removeSegmentLater);
  }

  /** Ends. `removeAll`: all of it is acknowledged, and none of it need be kept for the next life. */
  close(removeAll: boolean): void {
    clearInterval(this.#syncTimer);
    if (removeAll) {
      this.#fd = this.#begin();
      for (const segment of this.#segments) segment.shippedAtMs ??= 0;
      this.#dropShipped(0, removeSegment);
    }
    closeSync(this.#fd);
  }

  /** Removes segments that were acknowledged at least `ageMs` ago and that no open request needs. */
  #dropShipped(ageMs: number, remove: (segment: Segment) => void): void {
    const now = performance.now();
    for (const segment of [...this.#segments.slice(0, -1)]) {
      if (segment.shippedAtMs === null || segment.openRequests > 0 || now - segment.shippedAtMs < ageMs) continue;
      remove(segment);
      this.#segments.splice(this.#segments.indexOf(segment), 1);
    }
  }

  #begin(): number {
    const sequence = (this.#segments.at(-1)?.sequence ?? 0) + 1;
    const segment = newSegment(this.folder, sequence, this.firstNumber());
    const fd = openSync(segment.path, 'w', 0o600);
    if (this.#fd !== undefined) syncAndClose(this.#fd);
    this.#segments.push(segment);
    return fd;
  }

  #sync(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    fdatasync(this.#fd, (error) => {
      if (error !== null) this.#dirty = true;
    });
  }
}

/** What is left of the last second goes to the disk before the file is let go. */
function syncAndClose(fd: number): void {
  fdatasync(fd, () => closeSync(fd));
}
