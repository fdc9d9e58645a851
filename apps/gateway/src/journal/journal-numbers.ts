import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '@tollgate/folder-lock';
import { z } from 'zod';
import { parseJson } from './records.js';
import type { Segment } from './segment.js';

/**
 * Each life leaves out as many numbers: a power cut, or a file that was removed, may have taken finals whose numbers
 * are booked, and a final under a number that is booked counts as booked too. A second's finals are some ten thousand,
 * those of a segment 20,000.
 */
const NUMBERS_LOST_MAX = 1_000_000;

/**
 * The identity of a journal and the numbers of its finals, which outlive processes: under one `journalId` no number is
 * given twice. They stand in `journal.json` beside the segments.
 */
export class JournalNumbers {
  readonly journalId: string;
  /** All records of the last life are gone, and with them the numbers up to which finals were booked. */
  readonly isBereft: boolean;
  #next: number;
  /** What stands in `journal.json`: numbers below it, and half a million above, have been given. */
  #noted = 0;

  /**
   * `found` are the segments of the lives before. `onTrouble` hears that the file cannot be written; it throws where
   * that is a reason not to go on.
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

  /** A final of a life before has this number. */
  found(number: number): void {
    this.#next = Math.max(this.#next, number + 1);
  }

  /** All that is left of the lives before was found. `leavesOut`: some of it may be gone. */
  beginLife(leavesOut: boolean): void {
    if (leavesOut) this.#next += NUMBERS_LOST_MAX;
    this.#note();
  }

  /** The first number that may stand in a segment which is begun now. */
  firstOfSegment(): number {
    if (this.#next - this.#noted > NUMBERS_LOST_MAX / 2) this.#note();
    return this.#next;
  }

  /**
   * Makes durable from where on this life gives numbers: the next one goes on behind them, even where nothing else of
   * this life is left.
   */
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

/**
 * What is kept of a journal beside its records; null where it was not made yet, or a power cut left nothing readable.
 */
function readIdentity(folder: string): Identity | null {
  const path = identityFile(folder);
  const found = existsSync(path) ? identity.safeParse(parseJson(readFileSync(path, 'utf8'))) : null;
  return found?.success === true ? found.data : null;
}
