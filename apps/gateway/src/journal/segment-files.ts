import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { LineEncoder } from './encode-lines.js';
import { newSegment, removeSegment, removeSegmentLater, type Segment } from './segment.js';

/** When a segment reaches this size, a new one is begun. */
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;
/**
 * A segment that is shipped to its end is closed above this size. A smaller one stays open and is shipped again after a
 * crash, which is harmless.
 */
const SEGMENT_BYTES_KEPT_MAX = 1024 * 1024;
/**
 * Written records are synced to the disk at this interval. A power cut can lose the last second; a crash of the process
 * loses nothing.
 */
const SYNC_INTERVAL_MS = 1_000;
/**
 * A segment is kept this long after it was shipped. Events that the bus acknowledged may not be booked yet, and a new
 * credit epoch needs their announcement.
 */
const KEPT_AFTER_SHIPPING_MS = 60_000;

/** Sizes of the journal on disk. */
export interface SegmentCounts {
  readonly segments: number;
  readonly bytes: number;
  /** Age of the oldest segment. */
  readonly ageMs: number;
}

/** The files of a journal: those that previous processes left, and the newest one, which records are appended to. */
export class SegmentFiles {
  readonly #segments: Segment[];
  readonly #encoder = new LineEncoder();
  readonly #syncTimer: NodeJS.Timeout;
  #current: { readonly segment: Segment; readonly fd: number };
  #dirty = false;

  /** Begins a segment at once. `firstNumber` is called for the first number of each new segment. */
  constructor(
    private readonly folder: string,
    found: readonly Segment[],
    private readonly firstNumber: () => number,
  ) {
    this.#segments = [...found];
    this.#current = this.#begin();
    this.#syncTimer = setInterval(() => this.#sync(), SYNC_INTERVAL_MS).unref();
  }

  /** All segments, oldest first. The list changes as segments are added and removed. */
  get all(): readonly Segment[] {
    return this.#segments;
  }

  /** The segment that records are appended to. */
  get newest(): Segment {
    return this.#current.segment;
  }

  counts(): SegmentCounts {
    const oldest = this.#segments[0] ?? this.newest;
    return {
      segments: this.#segments.length,
      bytes: this.#segments.reduce((sum, segment) => sum + segment.size, 0),
      ageMs: Math.max(0, Date.now() - oldest.begunAtMs),
    };
  }

  /** Appends lines. Throws if not all of them can be written; then none of them is in the journal. */
  write(lines: readonly string[]): void {
    const bytes = this.#encoder.encode(lines);
    let { segment, fd } = this.#current;
    try {
      if (segment.size > SEGMENT_BYTES_MAX) ({ segment, fd } = this.#current = this.#begin());
      const size = bytes.length;
      let written = 0;
      while (written < size) written += writeSync(fd, bytes, written, size - written, segment.size + written);
      segment.size += size;
      segment.shippedAtMs = null;
      this.#dirty = true;
    } catch (error) {
      // A part may be on disk. The callers are told that the write failed, so nothing of it may be found later.
      try {
        ftruncateSync(fd, segment.size);
      } catch {
        // If the file cannot be cut either, the next write starts at the same place and overwrites it.
      }
      throw error;
    }
  }

  /** Notes that a segment is acknowledged up to its present size, and removes those that are no longer needed. */
  shipped(segment: Segment): void {
    const isNewest = segment === this.newest;
    if (isNewest && segment.size > SEGMENT_BYTES_KEPT_MAX) this.#current = this.#begin();
    if (!isNewest || segment.size > SEGMENT_BYTES_KEPT_MAX) segment.shippedAtMs ??= performance.now();
    this.#dropShipped(KEPT_AFTER_SHIPPING_MS, removeSegmentLater);
  }

  /**
   * Closes the files. `removeAll` says that everything is acknowledged and nothing need be kept for the next process.
   */
  close(removeAll: boolean): void {
    clearInterval(this.#syncTimer);
    if (removeAll) {
      this.#current = this.#begin();
      for (const segment of this.#segments) segment.shippedAtMs ??= 0;
      this.#dropShipped(0, removeSegment);
    }
    closeSync(this.#current.fd);
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

  #begin(): { segment: Segment; fd: number } {
    const sequence = (this.#segments.at(-1)?.sequence ?? 0) + 1;
    const segment = newSegment(this.folder, sequence, this.firstNumber());
    const fd = openSync(segment.path, 'w', 0o600);
    if (this.#current !== undefined) syncAndClose(this.#current.fd);
    this.#segments.push(segment);
    return { segment, fd };
  }

  #sync(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    fdatasync(this.#current.fd, (error) => {
      if (error !== null) this.#dirty = true;
    });
  }
}

/** Syncs the last second's records to the disk before the file is closed. */
function syncAndClose(fd: number): void {
  fdatasync(fd, () => closeSync(fd));
}
