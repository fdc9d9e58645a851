import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import {
  FolderLockedError,
  lookAtFolder,
  makeFolder,
  REMOVED,
  StrangeLockError,
  type LeftFolder,
} from '@tollgate/folder-lock';
import { Journal } from '../journal/journal.js';

/** The journal of the first process on a volume, and of the release before, which knows no other. */
const FIRST = 'journal';
/** The folder of the journals of all further processes. */
const FURTHER = 'journals';
/** Damaged segments of journals that were adopted. */
const DAMAGED = 'damaged';
/** The name of a further journal. Anything else in that folder is none of ours, such as `lost+found`. */
const FURTHER_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The journals on a volume that several gateways may share. Each process has one of its own, by its lock; the others
 * belong to processes that are running, or were left.
 */
export class JournalFolders {
  #own: string | null = null;

  /** `folder` is that of `TOLLGATE_DATA`. */
  constructor(private readonly folder: string) {}

  /** The folder of this process's own journal; null before it has one. */
  get own(): string | null {
    return this.#own;
  }

  /** Where damaged segments of journals that were adopted are kept, for people to look at. */
  get damaged(): string {
    return join(this.folder, DAMAGED);
  }

  /**
   * Opens a journal for this process alone, and makes one if need be. It goes on with one that it may take without
   * asking anybody: that a process of this host has left, which its lock tells reliably, or that its last process has
   * released. A journal left by another host is not taken: its lock alone does not say that its process is gone.
   * @throws the file system's error, and StrangeLockError
   */
  openOwn(): Journal {
    const first = join(this.folder, FIRST);
    const left = this.#takeFirst(this.#existing(), 'this host') ?? this.#takeFirst(this.#existing(), 'nobody');
    if (left !== null) return left;
    for (let folder = first; ; folder = join(this.folder, FURTHER, randomUUID())) {
      makeFolder(folder);
      const made = this.#take(folder, 'nobody');
      if (made !== null) return made;
    }
  }

  /** The folders of journals that are not of this process, the first one first. */
  others(): string[] {
    return this.#existing().filter((folder) => folder !== this.#own);
  }

  /**
   * Whether this can be the folder of a gateway: it has journals, or nothing at all, as a new volume. A folder above or
   * below the right one has something else.
   */
  get isOfGateway(): boolean {
    const names = entriesOf(this.folder).map(({ name }) => name);
    const ofGateway = names.some((name) => name === FIRST || name === FURTHER || name === DAMAGED);
    return ofGateway || names.every((name) => name === 'lost+found' || name.endsWith(REMOVED));
  }

  /** Removes what a process that was killed while it removed a journal has left of it. */
  removeRemains(): void {
    for (const parent of [this.folder, join(this.folder, FURTHER)])
      for (const { name } of entriesOf(parent))
        if (name.endsWith(REMOVED) && isJournal(parent === this.folder, name.slice(0, name.indexOf('.'))))
          removeRest(join(parent, name));
  }

  #existing(): string[] {
    const first = join(this.folder, FIRST);
    const parent = join(this.folder, FURTHER);
    const further = entriesOf(parent)
      .filter((entry) => entry.isDirectory() && isJournal(false, entry.name))
      .map(({ name }) => join(parent, name))
      .sort();
    return existsSync(first) ? [first, ...further] : further;
  }

  #takeFirst(folders: readonly string[], leftBy: LeftFolder['leftBy']): Journal | null {
    for (const folder of folders) {
      const journal = this.#take(folder, leftBy);
      if (journal !== null) return journal;
    }
    return null;
  }

  /** Null if another process has the folder, or it was left by somebody else. */
  #take(folder: string, leftBy: LeftFolder['leftBy']): Journal | null {
    const left = this.#lookAt(folder);
    if (left === null) return null;
    if (left.leftBy !== leftBy) {
      left.leave();
      return null;
    }
    const lock = left.take();
    if (lock === null) return null;
    const journal = Journal.open(folder, lock);
    this.#own = folder;
    return journal;
  }

  /** A damaged lock keeps nobody from a journal of their own, except where there is one place for it. */
  #lookAt(folder: string): LeftFolder | null {
    try {
      return lookAtFolder(folder);
    } catch (error) {
      if (error instanceof FolderLockedError) return null;
      if (error instanceof StrangeLockError && folder !== join(this.folder, FIRST)) return null;
      throw error;
    }
  }
}

/** Another process may be removing it at the same moment; what stays is tried again. */
function removeRest(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // It is in nobody's way.
  }
}

const isJournal = (isTop: boolean, name: string): boolean => (isTop ? name === FIRST : FURTHER_NAME.test(name));

/** The entries of a folder; none if it is not there. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
