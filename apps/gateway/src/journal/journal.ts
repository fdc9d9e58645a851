import { hasRoom, lockFolder, tryWriting, type FolderLock } from '@tollgate/folder-lock';
import { emptyBatch, joinBatches, noteWritten, type Batch } from './batch.js';
import { Damage } from './damage.js';
import { Gathering } from './gathering.js';
import { JournalNumbers } from './journal-numbers.js';
import type { JournaledRequest } from './journaled-request.js';
import { LeftRequests } from './left-requests.js';
import { formatRecord, recordIn, type JournalRecord, type RecordType } from './records.js';
import { SegmentFiles, type SegmentCounts } from './segment-files.js';
import { listSegments, recordsOf, type Segment } from './segment.js';

/** Milliseconds between a write that failed and the next try. */
const RETRY_MS = 1_000;

/**
 * Keeps the usage that a gateway has not shipped yet on its own disk. Records of one event-loop turn (of several under
 * load) are written together. `append` resolves once the operating system has the record: from then on a kill -9 does
 * not lose it. Only one process can have a journal open.
 *
 * @example
 * const journal = Journal.open(folder);
 * const request = new JournaledRequest(requestId, organizationId);
 * if (!(await journal.append('I', request, 0, intent))) return refuse('journal_unavailable');
 * await journal.append('F', request, journal.takeNumber(), final);
 */
export class Journal {
  readonly #numbers: JournalNumbers;
  readonly #files: SegmentFiles;
  readonly #left = new LeftRequests();
  readonly #damage = new Damage();
  readonly #gathering = new Gathering(
    () => this.flushNow(),
    () => this.#open,
  );
  /** Requests with an intent and no final yet. */
  #open: number;
  /** Finals that are completely on disk, of this process and previous ones. */
  #finalsWritten: number;
  /** Finals that could not be written yet, oldest first. */
  #kept: Batch = emptyBatch();
  #retry: NodeJS.Timeout | null = null;
  /** True if the last write, or a trial after it, succeeded. */
  #taking = true;
  #onFinals: () => void = () => undefined;
  #onTrouble: (error: Error) => void = () => undefined;

  private constructor(
    private readonly folder: string,
    private readonly lock: FolderLock,
    found: readonly Segment[],
  ) {
    // A full disk does not stop the start while there is usage to ship, since shipping frees room.
    this.#numbers = new JournalNumbers(folder, found, (error) => {
      if ((this.#files?.all ?? found).every(({ size }) => size === 0)) throw error;
      this.#onTrouble(error);
    });
    for (const segment of found) this.#readBack(segment);
    this.#numbers.beginLife(found.length > 0);
    this.#open = this.#left.size;
    this.#finalsWritten = this.#left.finals;
    this.#files = new SegmentFiles(folder, found, () => this.#numbers.firstOfSegment());
  }

  /**
   * Locks the folder for this process and reads its segments. Throws `FolderLockedError`, or the file system's error if
   * the folder cannot be written. A full disk throws nothing while there is usage to ship, since shipping frees room.
   * `lock` is that of the folder, if this process has it already; it is released if this throws.
   */
  static open(folder: string, lock: FolderLock = lockFolder(folder)): Journal {
    try {
      const segments = listSegments(folder);
      if (segments.every(({ size }) => size === 0)) tryWriting(folder);
      return new Journal(folder, lock, segments);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get journalId(): string {
    return this.#numbers.journalId;
  }

  /** Whether the folder is still there and locked by this process. A network volume can lose the lock of a machine. */
  get isOurs(): boolean {
    return this.lock.isHeld();
  }

  /** True if all records of the previous process are missing: its usage that was not booked is lost. */
  get isBereft(): boolean {
    return this.#numbers.isBereft;
  }

  /** All valid records on disk, oldest first. */
  *records(): Generator<JournalRecord> {
    this.flushNow();
    for (const segment of this.#files.all) yield* recordsOf(segment);
  }

  /** Whether the next write is expected to succeed: the last one did, and the disk has room. */
  get writable(): boolean {
    return this.#taking && hasRoom(this.folder);
  }

  /** Writes a test file. Throws the file system's error if that fails. */
  tryWriting(): void {
    tryWriting(this.folder);
  }

  /** Finals that are on disk. */
  get finalsWritten(): number {
    return this.#finalsWritten;
  }

  /** Finals that could not be written yet, or are about to be. */
  get finalsWaiting(): number {
    return this.#kept.finals.length + this.#gathering.finals;
  }

  /** The number of the next final: under one `journalId` none is given twice. */
  takeNumber(): number {
    return this.#numbers.take();
  }

  /** The open request that a previous process left, to be ended now; otherwise a new one without records. */
  requestOf(requestId: string, organizationId: string): JournaledRequest {
    return this.#left.take(requestId, organizationId);
  }

  /**
   * Appends a record. Resolves true when the operating system has it, false if the write failed: then the request of an
   * intent must not go on. A final that could not be written is kept and written as soon as the disk allows it. Pass
   * the same `request` object with all records of a request.
   */
  append(type: RecordType, request: JournaledRequest, number: number, json: string): Promise<boolean> {
    const line = formatRecord(type, request.requestId, request.organizationId, number, json);
    return this.#gathering.add(type, request, line);
  }

  /** Writes all gathered records now. */
  flushNow(): void {
    const gathered = this.#gathering.take();
    const batch = gathered === null ? this.#kept : joinBatches(this.#kept, gathered);
    if (batch.lines.length === 0) return;
    const taken = this.#write(batch.lines);
    if (taken) {
      noteWritten(batch, this.#files.newest);
      this.#finalsWritten += batch.finals.length;
      this.#open = Math.max(0, this.#open + batch.intents.length - batch.finals.length);
      this.#kept = emptyBatch();
    } else {
      if (gathered !== null) this.#keepFinals(gathered);
      this.#retryLater();
    }
    gathered?.answer(taken);
    if (taken) this.#onFinals();
  }

  /** Sets the listener that is called after each write that may contain finals. */
  onWritten(listener: () => void): void {
    this.#onFinals = listener;
  }

  /** Sets the listener that is called with the error of each write that failed. */
  onTrouble(listener: (error: Error) => void): void {
    this.#onTrouble = listener;
  }

  /** Sets the listener for damaged segments, and calls it at once for damage found at the start. */
  onDamage(listener: (segment: Segment, bytes: number) => void): void {
    this.#damage.tell(listener, this.#files.all);
  }

  /** Notes that bytes of a segment are no valid record. */
  noteDamage(segment: Segment, bytes: number): void {
    this.#damage.note(segment, bytes);
  }

  /** The finals of an organisation above the given number: those on disk, and those that could not be written yet. */
  finalsAfter(number: number, organizationId: string): JournalRecord[] {
    const all = [...this.records(), ...this.#kept.lines.map(recordIn)];
    return all.filter(
      (record) => record?.type === 'F' && record.number > number && record.organizationId === organizationId,
    ) as JournalRecord[];
  }

  /** All segments, oldest first. */
  segments(): readonly Segment[] {
    return this.#files.all;
  }

  /** Notes that a segment is acknowledged up to its present size. */
  shipped(segment: Segment): void {
    this.#files.shipped(segment);
  }

  counts(): SegmentCounts & { readonly damagedBytes: number } {
    return { ...this.#files.counts(), damagedBytes: this.#damage.bytes };
  }

  /**
   * Closes the journal. `shipped` says that all of it is acknowledged: then only its identity and next number are kept.
   * Returns how many finals could not be written, and so are lost.
   */
  close(shipped: boolean): number {
    this.flushNow();
    if (this.#retry !== null) clearTimeout(this.#retry);
    const unwritten = this.#kept.lines.length;
    // If a final could not be written, the request's intent is all that the next process has: keep it.
    this.#files.close(shipped && unwritten === 0 && this.#files.all.every(({ openRequests }) => openRequests === 0));
    this.lock.release();
    return unwritten;
  }

  #readBack(segment: Segment): void {
    for (const record of recordsOf(segment, (bytes) => this.noteDamage(segment, bytes))) {
      this.#left.found(segment, record);
      if (record.type === 'F') this.#numbers.found(record.number);
    }
  }

  /** Returns true if all lines were written. Otherwise none of them is in the journal. */
  #write(lines: readonly string[]): boolean {
    try {
      this.#files.write(lines);
      this.#taking = true;
    } catch (error) {
      this.#taking = false;
      this.#onTrouble(error as Error);
    }
    return this.#taking;
  }

  /**
   * Keeps the finals of a failed batch: served requests must be charged, so they are written once the disk allows it.
   */
  #keepFinals({ lines, finals }: Batch): void {
    this.#kept.lines.push(...lines.filter((line) => line.startsWith('F ')));
    this.#kept.finals.push(...finals);
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => this.#tryAgain(), RETRY_MS).unref();
  }

  /**
   * Tests the disk even if there is nothing to write: a gateway whose disk fails gets no requests, so no record would
   * tell that the disk works again.
   */
  #tryAgain(): void {
    this.#retry = null;
    this.flushNow();
    if (this.#taking || this.#kept.lines.length > 0) return;
    try {
      this.tryWriting();
      this.#taking = true;
    } catch {
      this.#retryLater();
    }
  }
}
