import { hasRoom, lockFolder, tryWriting } from '@tollgate/folder-lock';
import { emptyBatch, joinBatches, noteWritten, type Batch } from './batch.js';
import { Damage } from './damage.js';
import { Gathering } from './gathering.js';
import { JournalNumbers } from './journal-numbers.js';
import type { JournaledRequest } from './journaled-request.js';
import { LeftRequests } from './left-requests.js';
import { formatRecord, recordIn, type JournalRecord, type RecordType } from './records.js';
import { SegmentFiles, type SegmentCounts } from './segment-files.js';
import { listSegments, recordsOf, type Segment } from './segment.js';

/** How long after a write that the disk did not take the next one is tried. */
const RETRY_MS = 1_000;

/**
 * The usage that a gateway has not shipped yet, on its own disk. Records of one event-loop turn, under load of some
 * turns, go out in one write, and whoever waits for a record goes on once the operating system has it: a kill -9
 * loses nothing after that. One process at a time.
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
  /** Requests whose final is owed. */
  #open: number;
  /** Finals that are whole on disk, of this life and those before. */
  #finalsWritten: number;
  /** Finals that the disk did not take yet, oldest first. */
  #kept: Batch = emptyBatch();
  #retry: NodeJS.Timeout | null = null;
  /** The disk took the last record, or a trial after it. */
  #taking = true;
  #onFinals: () => void = () => undefined;
  #onTrouble: (error: Error) => void = () => undefined;

  private constructor(
    private readonly folder: string,
    private readonly lock: { release(): void },
    found: readonly Segment[],
  ) {
    // A disk that is full is no reason not to go on while there is usage to ship.
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
   * Takes the folder for this process and reads what is there. Throws FolderLockedError, and the error of the file
   * system where the folder takes no writes. A full disk is none while usage is there to be shipped, which makes room
   * again.
   */
  static open(folder: string): Journal {
    const lock = lockFolder(folder);
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

  /** All records that the last life may have left are gone: usage of it that was not booked is lost. */
  get isBereft(): boolean {
    return this.#numbers.isBereft;
  }

  /** Every whole record on disk, oldest first. */
  *records(): Generator<JournalRecord> {
    this.flushNow();
    for (const segment of this.#files.all) yield* recordsOf(segment);
  }

  /** Whether the next record can be expected to be taken: the last one was, and the disk has room. */
  get writable(): boolean {
    return this.#taking && hasRoom(this.folder);
  }

  /** Throws the error of the file system where the journal's folder takes no writes. */
  tryWriting(): void {
    tryWriting(this.folder);
  }

  /** Finals that are on disk. */
  get finalsWritten(): number {
    return this.#finalsWritten;
  }

  /** Finals that the disk has not taken yet. */
  get finalsWaiting(): number {
    return this.#kept.finals.length + this.#gathering.finals;
  }

  /** The number of the next final: under one `journalId` none is given twice. */
  takeNumber(): number {
    return this.#numbers.take();
  }

  /** A request that a life before left open, to be ended now; else one of which the journal holds nothing. */
  requestOf(requestId: string, organizationId: string): JournaledRequest {
    return this.#left.take(requestId, organizationId);
  }

  /**
   * Appends a record; resolves true when the operating system has it, false where the disk does not take it: then an
   * intent's request must not go on. A final that was not taken is kept and written as soon as the disk takes it.
   * All records of a request name the same object.
   */
  append(type: RecordType, request: JournaledRequest, number: number, json: string): Promise<boolean> {
    const line = formatRecord(type, request.requestId, request.organizationId, number, json);
    return this.#gathering.add(type, request, line);
  }

  /** Writes what waits, now. */
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

  /** Called after each write that may hold finals. */
  onWritten(listener: () => void): void {
    this.#onFinals = listener;
  }

  /** Called with the reason each time that the disk does not take a write. */
  onTrouble(listener: (error: Error) => void): void {
    this.#onTrouble = listener;
  }

  /** Called with what is damaged of a segment, at once for what was found so at the start. */
  onDamage(listener: (segment: Segment, bytes: number) => void): void {
    this.#damage.tell(listener, this.#files.all);
  }

  /** Bytes of a segment have turned out to be no record. */
  noteDamage(segment: Segment, bytes: number): void {
    this.#damage.note(segment, bytes);
  }

  /** The finals of an organisation with a number above the given one: on disk, and those that it did not take yet. */
  finalsAfter(number: number, organizationId: string): JournalRecord[] {
    const all = [...this.records(), ...this.#kept.lines.map(recordIn)];
    return all.filter(
      (record) => record?.type === 'F' && record.number > number && record.organizationId === organizationId,
    ) as JournalRecord[];
  }

  /** Segments in order, for the shipper. */
  segments(): readonly Segment[] {
    return this.#files.all;
  }

  /** Says that all of a segment, as it stands, is acknowledged. */
  shipped(segment: Segment): void {
    this.#files.shipped(segment);
  }

  counts(): SegmentCounts & { readonly damagedBytes: number } {
    return { ...this.#files.counts(), damagedBytes: this.#damage.bytes };
  }

  /**
   * Ends. `shipped`: all of it is acknowledged and nothing need be kept for the next life but identity and number.
   * Returns how many finals the disk would not take to the end.
   */
  close(shipped: boolean): number {
    this.flushNow();
    if (this.#retry !== null) clearTimeout(this.#retry);
    const unwritten = this.#kept.lines.length;
    // The intents of finals that were never written are all that is left of their requests.
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

  /** Whether the disk takes all of it; otherwise nothing of it is in the journal. */
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

  /** A request that was served is charged even when its final did not fit: it is written with the next that fits. */
  #keepFinals({ lines, finals }: Batch): void {
    this.#kept.lines.push(...lines.filter((line) => line.startsWith('F ')));
    this.#kept.finals.push(...finals);
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => this.#tryAgain(), RETRY_MS).unref();
  }

  /** Where nothing waits to be written, it may be because nobody is sent here before the disk takes records again. */
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
