import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '@tollgate/folder-lock';
import { z } from 'zod';
import { parseJson } from './records.js';
import type { Segment } from './segment.js';

/**
 * Each start skips this many numbers. A power cut, or a file that was removed, may have lost finals whose numbers are
 * booked, and a new final under a booked number would count as booked too. One second has about 10,000 finals, one
 * segment 20,000.
 */
export const NUMBERS_LOST_MAX = 1_000_000;

/**
 * The identity of a journal and the numbers of its finals. Both outlive processes and are stored in `journal.json`
 * beside the segments: under one `journalId` no number is given twice.
 */
export class JournalNumbers {
  readonly journalId: string;
  /** True if all records of the previous process are missing, and with them the numbers that were booked. */
  readonly isBereft: boolean;
  #next: number;
  /** The number stored in `journal.json`: all numbers below it, and up to half a million above, may have been given. */
  #noted = 0;

  /**
   * `found` are the segments of previous processes. `onTrouble` is called if the file cannot be written; it throws if
   * the journal must not be used then.
   */
  constructor(
    private readonly folder: string,
    found: readonly Segment[],
    private readonly onTrouble: (error: Error) => void,
  ) {
    const kept = readIdentity(folder);
    this.isBereft = kept !== null && found.length === 0;
    this.journalId = kept === null || this.isBereft ? randomUUID() : kept.journalId;
    const numbersFrom = this.isBereft ? 1 : (kept?.numbersFrom ?? 1);
    this.#next = Math.max(numbersFrom, ...found.map((segment) => segment.firstNumber));
  }

  /** The number of the next final. */
  take(): number {
    return this.#next++;
  }

  /** Notes that a final of a previous process has this number. */
  found(number: number): void {
    this.#next = Math.max(this.#next, number + 1);
  }

  /**
   * Begins numbering, once all segments of previous processes are read. `leavesOut` skips numbers, since finals may be
   * lost.
   */
  beginLife(leavesOut: boolean): void {
    if (leavesOut) this.#next += NUMBERS_LOST_MAX;
    this.#note();
  }

  /** The lowest final number that a segment which begins now can have. */
  firstOfSegment(): number {
    if (this.#next - this.#noted > NUMBERS_LOST_MAX / 2) this.#note();
    return this.#next;
  }

  /** Stores the next number, so that the next process continues above it even if no segment of this one is left. */
  #note(): void {
    try {
      const kept: Identity = { journalId: this.journalId, numbersFrom: this.#next };
      replaceFile(identityFile(this.folder), JSON.stringify(kept));
      this.#noted = this.#next;
    } catch (error) {
      this.onTrouble(error as Error);
    }
  }
}

const identity = z.object({ journalId: z.uuid(), numbersFrom: z.int().positive().optional() });
type Identity = z.infer<typeof identity>;

const identityFile = (folder: string): string => join(folder, 'journal.json');

/** The id of the journal in a folder, by `journal.json`; null if that does not say it. */
export const journalIdOf = (folder: string): string | null => readIdentity(folder)?.journalId ?? null;

/** Reads `journal.json`. Returns null if it does not exist yet, or if a power cut left it unreadable. */
function readIdentity(folder: string): Identity | null {
  const path = identityFile(folder);
  const found = existsSync(path) ? identity.safeParse(parseJson(readFileSync(path, 'utf8'))) : null;
  return found?.success === true ? found.data : null;
}
