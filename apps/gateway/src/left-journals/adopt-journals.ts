import { setTimeout as pause } from 'node:timers/promises';
import type { BusPublisher } from '@tollgate/bus';
import type { UsageBillingApi } from '@tollgate/contracts';
import { FolderLockedError, lookAtFolder, type FolderLock, type LeftFolder } from '@tollgate/folder-lock';
import { InternalCallError } from '@tollgate/http';
import { Periodic } from '@tollgate/periodic';
import type { Logger } from '@tollgate/telemetry';
import type { JournalFolders } from './journal-folders.js';
import { hasRecords, journalIdIn, LeftJournal } from './left-journal.js';

/** Often enough that a journal is claimed long before its process counts as gone; a look costs a list of a folder. */
const LOOK_EVERY_MS = 2_000;
/**
 * A process registers within a second of its start, if usage-billing answers. One that never did so within this time,
 * while usage-billing answered us, is gone.
 */
const UNKNOWN_MS_MAX = 60_000;
/** How often it is asked whether a journal that is shipped is booked, after a failure. */
const BOOKED_RETRY_MS = 1_000;
/** A journal that nobody could ship for so long is told of in the log. */
const TOLD_AFTER_MS = 60_000;

/** What `AdoptJournals` needs. */
export interface AdoptionParts {
  readonly bus: BusPublisher;
  readonly folders: JournalFolders;
  readonly logger: Logger;
  readonly usageBilling: Pick<UsageBillingApi, 'claimJournal' | 'shippedJournal'>;
}

/** Why a journal is still there, as a sentence says it after the name of its folder. */
export interface LeftBehind {
  readonly folder: string;
  readonly why: string;
}

/** A journal that is being shipped. `journal` is null while it is read. */
interface Adoption {
  readonly journalId: string;
  journal: LeftJournal | null;
  readonly done: Promise<void>;
}

/**
 * Ships the journals that other processes left on the volume of this one, and removes them once they are booked. It
 * adopts a journal only if its lock is free *and* usage-billing says that its process is gone: neither alone is enough,
 * since some network volumes give one lock to two machines, and a process whose lease has ended may go on. From the
 * first look at a free lock, usage-billing keeps the holds of the journal, so that its finals find them.
 */
export class AdoptJournals {
  readonly #adopting = new Map<string, Adoption>();
  /** Journals that wait, with the reason, and since when (monotonic milliseconds). */
  readonly #waiting = new Map<string, { why: string; readonly sinceMs: number; told: boolean }>();
  readonly #unknownSince = new Map<string, number>();
  readonly #stopping = new AbortController();
  /** Journals of running processes, which have their locks. */
  #inUse: readonly FolderLockedError[] = [];
  readonly #looks = new Periodic(() => this.#lookLogged(), { everyMs: LOOK_EVERY_MS, background: true });
  #onAdopted: () => void = () => undefined;

  constructor(private readonly parts: AdoptionParts) {}

  /** Looks at once, and from then on periodically. */
  start(): void {
    this.#looks.start();
  }

  /** Ends what is under way; what is not shipped is left to others. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#looks.stop();
    await Promise.all([...this.#adopting.values()].map(({ done }) => done));
  }

  /** Sets the listener that is called for each journal that is booked and removed. */
  onAdopted(listener: () => void): void {
    this.#onAdopted = listener;
  }

  /** Journals that were left with something to ship, and that nobody may adopt yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Journals that are being shipped. */
  get adopting(): number {
    return this.#adopting.size;
  }

  /** Finals of journals that are being shipped which the bus has not acknowledged. */
  get unshipped(): number {
    return [...this.#adopting.values()].reduce((sum, { journal }) => sum + (journal?.unshipped ?? 0), 0);
  }

  /** The journals that other processes have, with who has them. They ship them themselves. */
  get inUse(): readonly LeftBehind[] {
    return this.#inUse.map(({ folder, holder }) => ({ folder, why: `it is in use by ${holder}, which ships it` }));
  }

  /** The journals that were left and are still there, with the reasons. */
  get left(): readonly LeftBehind[] {
    return [
      ...[...this.#waiting].map(([folder, { why }]) => ({ folder, why })),
      ...[...this.#adopting].map(([folder, { journal }]) => ({ folder, why: whyAdopting(journal) })),
    ];
  }

  /**
   * Looks at each journal once, claims those that were left, and begins to ship those that may be. Rejects with the
   * file system's error if the folders cannot be listed.
   */
  async look(): Promise<void> {
    const { folders } = this.parts;
    folders.removeRemains();
    const others = folders.others();
    for (const folder of this.#waiting.keys()) if (!others.includes(folder)) this.#waiting.delete(folder);
    const inUse: FolderLockedError[] = [];
    for (const folder of others) {
      if (this.#stopping.signal.aborted) return;
      const locked = await this.#lookAt(folder);
      if (locked !== null) inUse.push(locked);
    }
    this.#inUse = inUse;
  }

  async #lookLogged(): Promise<void> {
    await this.look().catch((error: unknown) =>
      this.parts.logger.warn({ err: error }, 'the journals on the volume could not be looked at'),
    );
  }

  /** Resolves with the error that says who has the journal, if somebody has. */
  async #lookAt(folder: string): Promise<FolderLockedError | null> {
    const adoption = this.#adopting.get(folder);
    if (adoption !== undefined) {
      // Only to keep its holds: an answer is of no use now.
      await this.#ownerOf(adoption.journalId);
      return null;
    }
    try {
      await this.#lookAtLeft(folder);
    } catch (error) {
      if (error instanceof FolderLockedError) {
        this.#waiting.delete(folder);
        return error;
      }
      this.#wait(folder, `it cannot be read (${(error as Error).message})`, error);
    }
    return null;
  }

  async #lookAtLeft(folder: string): Promise<void> {
    const left = lookAtFolder(folder);
    // A journal that was left in order, all shipped, is for the next process that starts.
    if (left === null || (left.leftBy === 'nobody' && !hasRecords(folder))) {
      left?.leave();
      this.#waiting.delete(folder);
      return;
    }
    let lock: FolderLock | null = null;
    try {
      lock = await this.#takeIfGone(folder, left);
    } finally {
      if (lock === null) left.leave();
    }
  }

  /** Takes the folder if its process is gone, and begins to ship. */
  async #takeIfGone(folder: string, left: LeftFolder): Promise<FolderLock | null> {
    const journalId = await journalIdIn(folder);
    if (journalId === null && hasRecords(folder)) {
      this.#wait(folder, 'none of its records can be read');
      return null;
    }
    const why = journalId === null ? null : await this.#whyNotYet(folder, journalId);
    if (why !== null) {
      this.#wait(folder, why);
      return null;
    }
    const lock = this.#stopping.signal.aborted ? null : left.take();
    if (lock === null) return null;
    this.#waiting.delete(folder);
    this.#unknownSince.delete(folder);
    const adoption: { -readonly [Name in keyof Adoption]: Adoption[Name] } = {
      journalId: journalId ?? '',
      journal: null,
      done: Promise.resolve(),
    };
    this.#adopting.set(folder, adoption);
    adoption.done = this.#adopt(folder, lock, adoption);
    return lock;
  }

  /** Null if the process of the journal is gone. */
  async #whyNotYet(folder: string, journalId: string): Promise<string | null> {
    const owner = await this.#ownerOf(journalId);
    if (owner !== 'unknown') this.#unknownSince.delete(folder);
    if (owner === 'gone') return null;
    if (owner === null) return 'usage-billing does not say whether its process is gone';
    if (owner === 'running') return 'its process counts as running';
    const sinceMs = this.#unknownSince.get(folder) ?? performance.now();
    this.#unknownSince.set(folder, sinceMs);
    return performance.now() - sinceMs < UNKNOWN_MS_MAX ? 'usage-billing has not heard of its process yet' : null;
  }

  /** Claims a journal. Null if usage-billing cannot be asked, or is of the release before, which cannot answer. */
  async #ownerOf(journalId: string): Promise<'running' | 'gone' | 'unknown' | null> {
    try {
      return (await this.parts.usageBilling.claimJournal({ journalId })).owner;
    } catch (error) {
      this.parts.logger.debug({ err: error, journalId }, 'a journal that was left could not be claimed');
      return null;
    }
  }

  /** Ships a journal and removes it. Never rejects: after a failure, the next look begins again. */
  async #adopt(folder: string, lock: FolderLock, adoption: Adoption): Promise<void> {
    const { bus, folders, logger } = this.parts;
    const { journalId } = adoption;
    const { signal } = this.#stopping;
    try {
      const journal = (adoption.journal = await LeftJournal.open(folder, logger));
      const { finals, orphans } = journal;
      logger.info({ folder, journalId, finals, orphans }, 'the journal of a gateway that is gone is being shipped');
      await journal.ship(bus, signal);
      if (finals > 0) await this.#booked(journalId, signal);
      if ((await this.#ownerOf(journalId)) === 'running') throw new Error('its process has come back');
      journal.keepDamaged(folders.damaged);
      lock.remove();
      logger.info({ folder, journalId, finals }, 'the journal of a gateway that is gone is booked, and was removed');
      this.#onAdopted();
    } catch (error) {
      lock.putBack();
      if (!signal.aborted) this.#wait(folder, `it could not be shipped (${(error as Error).message})`, error);
    } finally {
      this.#adopting.delete(folder);
    }
  }

  async #booked(journalId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.parts.usageBilling.shippedJournal({ journalId });
        return;
      } catch (error) {
        // The release before knows no claims either: what it has given back is charged by the finals, as it books them.
        if (error instanceof InternalCallError && error.refusal?.status === 404) return;
        this.parts.logger.debug({ err: error, journalId }, 'a journal that was shipped is not booked yet');
        await pause(BOOKED_RETRY_MS, undefined, { signal, ref: false });
      }
    }
  }

  #wait(folder: string, why: string, error?: unknown): void {
    const now = performance.now();
    const waiting = this.#waiting.get(folder) ?? { why, sinceMs: now, told: false };
    waiting.why = why;
    this.#waiting.set(folder, waiting);
    if (waiting.told || (error === undefined && now - waiting.sinceMs < TOLD_AFTER_MS)) return;
    waiting.told = true;
    this.parts.logger[error === undefined ? 'warn' : 'error'](
      { folder, why, ...(error === undefined ? {} : { err: error }) },
      'a journal with usage that is not shipped cannot be adopted; it is tried again',
    );
  }
}

function whyAdopting(journal: LeftJournal | null): string {
  if (journal === null) return 'it is being read';
  const { unshipped } = journal;
  if (unshipped > 0) return `${unshipped} usage event${unshipped === 1 ? '' : 's'} could not be published yet`;
  return 'it is shipped, and not booked yet';
}
