import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fdatasync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { hasRoom, lockFolder, replaceFile, tryWriting } from '@tollgate/folder-lock';
import { z } from 'zod';
import { JournaledRequest } from './journaled-request.js';
import { CHECK_TO_COME, putCheck } from './record-check.js';
import { formatRecord, parseJson, recordIn, type JournalRecord, type RecordType } from './records.js';
import { listSegments, newSegment, recordsOf, removeSegment, removeSegmentLater, type Segment } from './segment.js';

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

/**
 * Under load records wait up to this many turns of the event loop for company, some 0.3 ms: what is written together
 * is answered together, and the next records of those requests come together again.
 */
const GATHER_TURNS_MAX = 32;

/**
 * Each life leaves out as many numbers: a power cut, or a file that was removed, may have taken finals whose numbers
 * are booked, and a final under a number that is booked counts as booked too. A second's finals are some ten thousand,
 * those of a segment 20,000.
 */
const NUMBERS_LOST_MAX = 1_000_000;

/** Writes up to this many bytes need no buffer of their own. */
const SCRATCH_BYTES = 256 * 1024;
/** UTF-8 takes no more for one unit of a string. */
const UTF8_BYTES_MAX = 3;

/** Records that are gathered: one write, and one answer for all who wait. */
interface Turn extends Batch {
  readonly written: Promise<boolean>;
  readonly answer: (taken: boolean) => void;
  /** Turns of the event loop that it may still wait. */
  turnsLeft: number;
}

/** Lines in their order, and whose they are. */
interface Batch {
  readonly lines: string[];
  readonly intents: JournaledRequest[];
  readonly progress: JournaledRequest[];
  readonly finals: JournaledRequest[];
}

export interface JournalCounts {
  readonly segments: number;
  readonly bytes: number;
  /** Age of the oldest segment. */
  readonly ageMs: number;
  /** Bytes that are no record, seen since this process has the journal. */
  readonly damagedBytes: number;
}

/**
 * The usage that a gateway has not shipped yet, on its own disk. Records of one event-loop turn, under load of some
 * turns, go out in one write, and whoever waits for a record goes on once the operating system has it: a kill -9
 * loses nothing after that.
 *
 * One process at a time; the identity (`journalId`) and the numbers of finals outlive processes.
 */
export class Journal {
  readonly journalId: string;
  /**
   * All records that the last life may have left are gone, and with them the numbers up to which finals were booked.
   */
  readonly isBereft: boolean;
  readonly #segments: Segment[];
  /** What the lives before left open, until somebody ends it. */
  readonly #left = new Map<string, JournaledRequest>();
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  /** Requests whose final is owed. */
  #open: number;
  #nextNumber: number;
  /** What stands in the journal's identity: numbers below it, and half a million above, have been given. */
  #numbersNoted = 0;
  /** Finals that are whole on disk, of this life and those before. */
  #finalsWritten = 0;
  #fd: number;
  #turn: Turn | null = null;
  /** Finals that the disk did not take yet, oldest first. */
  #kept: Batch = emptyBatch();
  #flushing: NodeJS.Immediate | null = null;
  #retry: NodeJS.Timeout | null = null;
  #dirty = false;
  /** The disk took the last record, or a trial after it. */
  #taking = true;
  #damagedBytes = 0;
  readonly #syncTimer: NodeJS.Timeout;
  #onFinals: () => void = () => undefined;
  #onTrouble: (error: Error) => void = () => undefined;
  #onDamage: (segment: Segment, bytes: number) => void = () => undefined;

  private constructor(
    private readonly folder: string,
    private readonly lock: { release(): void },
    segments: Segment[],
  ) {
    const kept = readIdentity(folder);
    this.isBereft = kept !== null && segments.length === 0;
    this.journalId = kept === null || this.isBereft ? randomUUID() : kept.journalId;
    this.#segments = segments;
    const numbersFrom = this.isBereft ? 1 : (kept?.numbersFrom ?? 1);
    this.#nextNumber = Math.max(numbersFrom, ...this.#segments.map((segment) => segment.firstNumber));
    for (const segment of this.#segments) {
      const records = recordsOf(segment, (bytes) => this.noteDamage(segment, bytes));
      for (const record of records) this.#account(segment, record);
    }
    if (segments.length > 0) this.#nextNumber += NUMBERS_LOST_MAX;
    this.#noteNumbers();
    this.#open = this.#left.size;
    this.#fd = this.#begin();
    this.#syncTimer = setInterval(() => this.#sync(), SYNC_INTERVAL_MS).unref();
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

  /** Every whole record on disk, oldest first. */
  *records(): Generator<JournalRecord> {
    this.flushNow();
    for (const segment of this.#segments) yield* recordsOf(segment);
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
    return this.#kept.finals.length + (this.#turn?.finals.length ?? 0);
  }

  /** The number of the next final: under one `journalId` none is given twice. */
  takeNumber(): number {
    return this.#nextNumber++;
  }

  /** A request that a life before left open, to be ended now; else one of which the journal holds nothing. */
  requestOf(requestId: string, organizationId: string): JournaledRequest {
    const left = this.#left.get(requestId);
    if (left === undefined) return new JournaledRequest(requestId, organizationId);
    this.#left.delete(requestId);
    return left;
  }

  /**
   * Appends a record; resolves true when the operating system has it, false where the disk does not take it: then an
   * intent's request must not go on. A final that was not taken is kept and written as soon as the disk takes it.
   * All records of a request name the same object.
   */
  append(type: RecordType, request: JournaledRequest, number: number, json: string): Promise<boolean> {
    let turn = this.#turn;
    if (turn === null) {
      let answer: Turn['answer'];
      const written = new Promise<boolean>((resolve) => (answer = resolve));
      turn = this.#turn = { ...emptyBatch(), written, answer: answer!, turnsLeft: GATHER_TURNS_MAX };
      this.#flushing ??= setImmediate(this.#flushSoon);
    }
    turn.lines.push(formatRecord(type, request.requestId, request.organizationId, number, json));
    (type === 'I' ? turn.intents : type === 'F' ? turn.finals : turn.progress).push(request);
    return turn.written;
  }

  /** Writes what waits, unless more is to come: of as many requests as are open, records may arrive at any moment. */
  readonly #flushSoon = (): void => {
    const turn = this.#turn;
    if (turn !== null && turn.lines.length < this.#open && turn.turnsLeft-- > 0)
      this.#flushing = setImmediate(this.#flushSoon);
    else this.flushNow();
  };

  /** Writes what waits, now. */
  readonly flushNow = (): void => {
    if (this.#flushing !== null) clearImmediate(this.#flushing);
    this.#flushing = null;
    const turn = this.#turn;
    this.#turn = null;
    const batch = turn === null ? this.#kept : this.#kept.lines.length === 0 ? turn : joined(this.#kept, turn);
    if (batch.lines.length === 0) return;
    const taken = this.#write(batch.lines);
    if (taken) {
      note(batch, this.#segments.at(-1)!);
      this.#finalsWritten += batch.finals.length;
      this.#open = Math.max(0, this.#open + batch.intents.length - batch.finals.length);
      this.#kept = emptyBatch();
    } else if (turn !== null) {
      // A request that was served is charged even when its final did not fit: it is written with the next turn that
      // fits.
      this.#kept.lines.push(...turn.lines.filter((line) => line.startsWith('F ')));
      this.#kept.finals.push(...turn.finals);
    }
    if (!taken) this.#retryLater();
    turn?.answer(taken);
    if (taken) this.#onFinals();
  };

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
    this.#onDamage = listener;
    for (const segment of this.#segments) if (segment.damagedBytes > 0) listener(segment, segment.damagedBytes);
  }

  /** Bytes of a segment have turned out to be no record. */
  noteDamage(segment: Segment, bytes: number): void {
    segment.damagedBytes += bytes;
    this.#damagedBytes += bytes;
    this.#onDamage(segment, bytes);
  }

  /**
   * The finals of one organisation with a number above the given one: from disk, and those that it did not take yet.
   */
  finalsAfter(number: number, organizationId: string): JournalRecord[] {
    const all = [...this.records(), ...this.#kept.lines.map(recordIn)];
    return all.filter(
      (record) => record?.type === 'F' && record.number > number && record.organizationId === organizationId,
    ) as JournalRecord[];
  }

  /** Segments in order, for the shipper. */
  segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Says that all of a segment, as it stands, is acknowledged. */
  shipped(segment: Segment): void {
    const isCurrent = segment === this.#segments.at(-1);
    if (isCurrent && segment.size > SEGMENT_BYTES_KEPT_MAX) this.#fd = this.#begin();
    if (!isCurrent || segment.size > SEGMENT_BYTES_KEPT_MAX) segment.shippedAtMs ??= performance.now();
    this.#dropShipped(KEPT_AFTER_SHIPPING_MS, removeSegmentLater);
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

  counts(): JournalCounts {
    return {
      segments: this.#segments.length,
      bytes: this.#segments.reduce((sum, segment) => sum + segment.size, 0),
      ageMs: Math.max(0, Date.now() - this.#segments[0]!.begunAtMs),
      damagedBytes: this.#damagedBytes,
    };
  }

  /**
   * Ends. `shipped`: all of it is acknowledged and nothing need be kept for the next life but identity and number.
   * Returns how many finals the disk would not take to the end.
   */
  close(shipped: boolean): number {
    clearInterval(this.#syncTimer);
    this.flushNow();
    if (this.#retry !== null) clearTimeout(this.#retry);
    // The intents of finals that were never written are all that is left of their requests.
    if (shipped && this.#kept.lines.length === 0 && this.#segments.every(({ openRequests }) => openRequests === 0)) {
      this.#fd = this.#begin();
      for (const segment of this.#segments) segment.shippedAtMs ??= 0;
      this.#dropShipped(0, removeSegment);
    }
    closeSync(this.#fd);
    this.lock.release();
    return this.#kept.lines.length;
  }

  /** False where the disk does not take all of it; then nothing of it is in the journal. */
  #write(lines: readonly string[]): boolean {
    const text = lines.join('');
    const isSmall = text.length * UTF8_BYTES_MAX <= SCRATCH_BYTES;
    const bytes = isSmall ? this.#scratch : Buffer.from(text);
    const size = isSmall ? bytes.write(text) : bytes.length;
    putChecks(bytes, lines, size === text.length);
    let segment = this.#segments.at(-1)!;
    try {
      if (segment.size > SEGMENT_BYTES_MAX) {
        this.#fd = this.#begin();
        segment = this.#segments.at(-1)!;
      }
      let written = 0;
      while (written < size) written += writeSync(this.#fd, bytes, written, size - written, segment.size + written);
      segment.size += size;
      segment.shippedAtMs = null;
      this.#dirty = this.#taking = true;
      return true;
    } catch (error) {
      this.#taking = false;
      this.#onTrouble(error as Error);
      // A part may be on disk: nobody was told, so it must not be found later.
      try {
        ftruncateSync(this.#fd, segment.size);
      } catch {
        // The next write starts at the same place and overwrites it.
      }
      return false;
    }
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      this.flushNow();
      if (!this.#taking && this.#kept.lines.length === 0) this.#tryAgain();
    }, SYNC_INTERVAL_MS).unref();
  }

  /** Where nothing waits to be written, it may be because nobody is sent here before the disk takes records again. */
  #tryAgain(): void {
    try {
      this.tryWriting();
      this.#taking = true;
    } catch {
      this.#retryLater();
    }
  }

  #account(segment: Segment, { type, requestId, organizationId, number }: JournalRecord): void {
    const request = this.requestOf(requestId, organizationId);
    if (type === 'I') request.intentIsIn(segment);
    else if (type === 'P' && request.intended) request.progressIsIn(segment);
    else if (type === 'F') request.end();
    if (request.intended) this.#left.set(requestId, request);
    if (type !== 'F') return;
    this.#finalsWritten++;
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
  }

  /**
   * Makes durable from where on this life gives numbers: the next one goes on behind them, even where nothing else of
   * this life is left. A disk that is full is no reason not to go on while there is usage to ship.
   */
  #noteNumbers(): void {
    try {
      const kept: Identity = { journalId: this.journalId, numbersFrom: this.#nextNumber };
      replaceFile(identityFile(this.folder), JSON.stringify(kept));
      this.#numbersNoted = this.#nextNumber;
    } catch (error) {
      if (this.#segments.every(({ size }) => size === 0)) throw error;
      this.#onTrouble(error as Error);
    }
  }

  #begin(): number {
    if (this.#nextNumber - this.#numbersNoted > NUMBERS_LOST_MAX / 2) this.#noteNumbers();
    const segment = newSegment(this.folder, (this.#segments.at(-1)?.sequence ?? 0) + 1, this.#nextNumber);
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

/** Each record ends with room for its checksum; `ascii` says that its characters are its bytes. */
function putChecks(bytes: Buffer, lines: readonly string[], ascii: boolean): void {
  let start = 0;
  for (const line of lines) {
    const next = start + (ascii ? line.length : Buffer.byteLength(line));
    putCheck(bytes, start, next - CHECK_TO_COME.length);
    start = next;
  }
}

function emptyBatch(): Batch {
  return { lines: [], intents: [], progress: [], finals: [] };
}

function joined(a: Batch, b: Batch): Batch {
  return {
    lines: [...a.lines, ...b.lines],
    intents: [...a.intents, ...b.intents],
    progress: [...a.progress, ...b.progress],
    finals: [...a.finals, ...b.finals],
  };
}

/** All of a batch is written now, in this segment. */
function note({ intents, progress, finals }: Batch, segment: Segment): void {
  for (const request of intents) request.intentIsIn(segment);
  for (const request of progress) request.progressIsIn(segment);
  for (const request of finals) request.end();
}

/** What is left of the last second goes to the disk before the file is let go. */
function syncAndClose(fd: number): void {
  fdatasync(fd, () => closeSync(fd));
}

const identity = z.object({ journalId: z.uuid(), numbersFrom: z.int().positive().optional() });
type Identity = z.infer<typeof identity>;

const identityFile = (folder: string): string => join(folder, 'journal.json');

/**
 * What is kept of a journal beside its records; null where it was not made yet, or a power cut left nothing readable.
 */
function readIdentity(folder: string): Identity | null {
  const path = identityFile(folder);
  const found = existsSync(path) ? identity.safeParse(parseJson(readFileSync(path, 'utf8'))) : null;
  return found?.success === true ? found.data : null;
}
