import { closeSync, fdatasyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BusPublisher } from '@tollgate/bus';
import { makeFolder } from '@tollgate/folder-lock';
import type { Logger } from '@tollgate/telemetry';
import { LineEncoder } from '../journal/encode-lines.js';
import { finalIn, publishFinals, readFinals, type Final } from '../journal/finals.js';
import { journalIdOf, NUMBERS_LOST_MAX } from '../journal/journal-numbers.js';
import { readPart } from '../journal/read-part.js';
import { orphanFinal } from '../journal/recover.js';
import { formatRecord, intentSchema, parseJson, parseRecord, progressSchema } from '../journal/records.js';
import type { JournalRecord } from '../journal/records.js';
import { listSegments, newSegment, type Segment } from '../journal/segment.js';

/** Little at once: a gateway that reads the journal of another serves calls meanwhile. */
const READ_BYTES = 256 * 1024;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;
const NO_ROOM: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT']);

/** The records of a request that has no final. */
interface OpenRequest {
  readonly intent: JournalRecord;
  progress: JournalRecord | null;
}

/** What was read of a journal. */
interface Contents {
  readonly open: ReadonlyMap<string, OpenRequest>;
  readonly finals: number;
  /** Above the numbers of all finals that it may have had. */
  readonly nextNumber: number;
  readonly damaged: ReadonlySet<Segment>;
}

/**
 * A journal whose process is gone, in a folder that this process has locked. It ends and ships what is in it, under the
 * journal's own id and numbers, without ever holding more than a part of it in memory. Whatever it does can be done
 * again from the start, by any process: the finals of requests that were open depend on what is in the folder alone,
 * and the ledger books each request once.
 */
export class LeftJournal {
  #shipped = 0;
  /** Finals that the full disk did not take; they are made again from the same records each time. */
  #unwritten: readonly Final[] = [];

  private constructor(
    private readonly folder: string,
    private readonly segments: Segment[],
    private readonly contents: Contents,
    private readonly logger: Logger,
  ) {}

  /** Reads a journal, and ends the requests that it left open. Rejects with the file system's error. */
  static async open(folder: string, logger: Logger): Promise<LeftJournal> {
    const segments = listSegments(folder);
    const journal = new LeftJournal(folder, segments, await readContents(segments), logger);
    journal.#endOpenRequests();
    return journal;
  }

  /** Finals, with those of requests that were open. */
  get finals(): number {
    return this.contents.finals + this.contents.open.size;
  }

  /** Requests that had no final. */
  get orphans(): number {
    return this.contents.open.size;
  }

  /** Finals that the bus has not acknowledged. */
  get unshipped(): number {
    return Math.max(0, this.finals - this.#shipped);
  }

  /** Publishes all finals; resolves when all are acknowledged. Tries until `signal` says to stop, then it rejects. */
  async ship(bus: BusPublisher, signal: AbortSignal): Promise<void> {
    for (const segment of this.segments) {
      for (let offset = 0; offset < segment.size;) {
        const { finals, bytes } = await readFinals(segment, offset, () => undefined);
        await this.#publish(bus, finals, signal);
        offset += bytes;
      }
    }
    await this.#publish(bus, this.#unwritten, signal);
  }

  /** Moves damaged segments to a folder where people can look at them. */
  keepDamaged(folder: string): void {
    for (const { path } of this.contents.damaged) {
      makeFolder(folder);
      renameSync(path, join(folder, `${basename(this.folder)}-${basename(path)}.damaged`));
    }
  }

  async #publish(bus: BusPublisher, finals: readonly Final[], signal: AbortSignal): Promise<void> {
    for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      signal.throwIfAborted();
      try {
        await publishFinals(bus, finals);
        this.#shipped += finals.length;
        return;
      } catch (error) {
        this.logger.warn({ err: error, folder: this.folder, retryMs }, 'usage of a journal that was left waits');
        await pause(retryMs, undefined, { signal, ref: false });
      }
    }
  }

  /**
   * Writes a final for each request that has none, in a segment of its own. On a full disk they are shipped unwritten:
   * the room that this journal takes is free only afterwards.
   */
  #endOpenRequests(): void {
    const lines = this.#orphanLines();
    if (lines.length === 0) return;
    const last = this.segments.at(-1);
    const segment = newSegment(this.folder, (last?.sequence ?? 0) + 1, this.contents.nextNumber);
    const bytes = new LineEncoder().encode(lines);
    try {
      writeWhole(segment.path, bytes);
      segment.size = bytes.length;
      this.segments.push(segment);
    } catch (error) {
      if (!NO_ROOM.has((error as NodeJS.ErrnoException).code)) throw error;
      rmSync(segment.path, { force: true });
      this.#unwritten = lines.flatMap((line) => {
        const text = Buffer.from(line);
        return finalIn(text, 0, text.indexOf('\n')) ?? [];
      });
    }
  }

  #orphanLines(): string[] {
    const leftAtMs = Math.max(0, ...this.segments.map(({ path }) => statSync(path).mtimeMs));
    let number = this.contents.nextNumber;
    let unreadable = 0;
    const lines: string[] = [];
    for (const { intent, progress } of this.contents.open.values()) {
      const read = intentSchema.safeParse(parseJson(intent.json));
      if (!read.success) {
        unreadable += 1;
        continue;
      }
      const used = progress === null ? undefined : progressSchema.safeParse(parseJson(progress.json)).data;
      // The process can have ended no earlier than it wrote last; clocks of a machine may have been set back since.
      const endedAt = new Date(Math.max(leftAtMs, Date.parse(read.data.event.startedAt))).toISOString();
      const event = orphanFinal(read.data, used, number, endedAt);
      lines.push(formatRecord('F', event.requestId, event.organizationId, number, JSON.stringify(event)));
      number += 1;
    }
    if (unreadable > 0)
      this.logger.error({ folder: this.folder, records: unreadable }, 'the journal holds records that cannot be read');
    return lines;
  }
}

/**
 * The id of the journal in a folder: as its file says, or where that was lost, as one of its events does. Null for a
 * journal that was never begun, or has no record that says it.
 */
export async function journalIdIn(folder: string): Promise<string | null> {
  const noted = journalIdOf(folder);
  if (noted !== null) return noted;
  for (const segment of listSegments(folder)) {
    let journalId: string | null = null;
    await eachRecord(segment, (record) => (journalId ??= journalIdOfRecord(record)));
    if (journalId !== null) return journalId;
  }
  return null;
}

/** Whether a folder has any record; it opens the segments alone, never the lock. */
export const hasRecords = (folder: string): boolean => listSegments(folder).some(({ size }) => size > 0);

function journalIdOfRecord({ json }: JournalRecord): string | null {
  const value = parseJson(json) as { journalId?: unknown; event?: { journalId?: unknown } } | undefined;
  const journalId = value?.journalId ?? value?.event?.journalId;
  return typeof journalId === 'string' ? journalId : null;
}

async function readContents(segments: readonly Segment[]): Promise<Contents> {
  const open = new Map<string, OpenRequest>();
  const damaged = new Set<Segment>();
  let finals = 0;
  let nextNumber = 1;
  for (const segment of segments) {
    nextNumber = Math.max(nextNumber, segment.firstNumber);
    const visit = (record: JournalRecord): void => {
      const { type, requestId, number } = record;
      if (type === 'I') open.set(requestId, { intent: record, progress: null });
      else if (type === 'P') {
        const request = open.get(requestId);
        if (request !== undefined) request.progress = record;
      } else {
        open.delete(requestId);
        finals += 1;
        nextNumber = Math.max(nextNumber, number + 1);
      }
    };
    await eachRecord(segment, visit, () => damaged.add(segment));
  }
  return { open, finals, damaged, nextNumber: nextNumber + NUMBERS_LOST_MAX };
}

async function eachRecord(
  segment: Segment,
  visit: (record: JournalRecord) => void,
  damaged: () => void = () => undefined,
): Promise<void> {
  const visitLine = (bytes: Buffer, start: number, end: number): void => {
    const record = parseRecord(bytes.toString('utf8', start, end));
    if (record === null) damaged();
    else visit(record);
  };
  for (let offset = 0; offset < segment.size;)
    offset += await readPart({ segment, offset, atOnce: READ_BYTES }, visitLine, damaged);
}

function writeWhole(path: string, bytes: Buffer): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
