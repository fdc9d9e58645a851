import { randomUUID } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isFolder, makeFolder } from './make-folder.js';

/** Another living process has locked the folder. */
export class FolderLockedError extends Error {
  /** `holder` describes the process that has the lock, such as `the process 4711` or, if unknown, `another process`. */
  constructor(
    readonly folder: string,
    readonly holder: string,
  ) {
    super(`the folder ${folder} is in use by ${holder}; stop that one, or name another folder`);
    this.name = 'FolderLockedError';
  }
}

/** The file or folder in the place of the lock was not made by `lockFolder`. */
export class StrangeLockError extends Error {
  constructor(readonly file: string) {
    super(
      `${file} is no lock: another program has written to it; make sure that no Tollgate runs on the folder, and remove it`,
    );
    this.name = 'StrangeLockError';
  }
}

/** A folder that this process has locked. */
export interface FolderLock {
  /**
   * Whether the path still leads to what is locked. It does not once another process has removed or replaced the
   * folder, which can happen only where the volume lost the lock, for example on a network volume that was away.
   */
  isHeld(): boolean;
  /** Ends the lock, and forgets who had it: the folder was left in order. */
  release(): void;
  /** Ends the lock, and says again who had the folder before this process took it. */
  putBack(): void;
  /**
   * Removes the folder with all that it holds, and ends the lock. A process that takes the lock in this moment finds
   * out that the folder is no more. Throws the file system's error if the folder stays where it is.
   */
  remove(): void;
}

/** A folder that nobody has locked, and that was locked for a look at it: who had it is still written in it. */
export interface LeftFolder {
  /**
   * Who had the folder last: `nobody` if its last process has released it, `this host` if it was a process of this host
   * name, which was killed, and `another host` otherwise.
   */
  readonly leftBy: 'nobody' | 'this host' | 'another host';
  /** Makes this process the one that has the folder. Null, without a lock, if another process was faster. */
  take(): FolderLock | null;
  /** Ends the lock and leaves the folder as it was. */
  leave(): void;
}

/**
 * Locks a folder for this process. A missing folder is created, readable by its owner only. The lock is the operating
 * system's, on a SQLite file in an open exclusive transaction: it ends with the process, however that ends, and holds
 * across containers that share the folder. Throws FolderLockedError, StrangeLockError, and the error of the file system
 * if the folder cannot be created or written to. A full disk alone does not prevent locking.
 *
 * A process loses the lock when it closes any other descriptor of the file `lock`: nothing but this module may open or
 * copy that file, not even to read it.
 */
export function lockFolder(folder: string): FolderLock {
  const locked = lockedAsNamed(folder, () => makeFolder(folder));
  // Others remove the folder as often as it is made.
  if (locked === null) throw new FolderLockedError(folder, 'another process');
  try {
    noteHolder(folder, 'w');
  } catch (error) {
    locked.database.close();
    throw error;
  }
  return folderLock(folder, locked, null);
}

/**
 * Locks an existing folder in order to look at it. Null if it is not there. Throws as `lockFolder` does.
 *
 * @example
 * const left = lookAtFolder(folder);
 * if (left?.leftBy === 'nobody') return left.take();
 * left?.leave();
 */
export function lookAtFolder(folder: string): LeftFolder | null {
  if (!isFolder(folder)) return null;
  const locked = lockedAsNamed(folder, () => undefined);
  if (locked === null) return null;
  const leftBy = lastHolderOf(folder);
  const note = read(holderFile(folder));
  return {
    leftBy,
    take: () => {
      try {
        // Of two processes that a volume without locks lets in, only one creates the file.
        noteHolder(folder, leftBy === 'nobody' ? 'wx' : 'w');
      } catch (error) {
        close(locked.database);
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
        throw error;
      }
      return folderLock(folder, locked, leftBy === 'nobody' ? null : note);
    },
    leave: () => close(locked.database),
  };
}

interface Locked {
  readonly database: DatabaseSync;
  /** The device and inode of the file that is locked. */
  readonly file: string;
}

/** `noteBefore` is what the note of the holder said before, null if there was none. */
function folderLock(folder: string, { database, file }: Locked, noteBefore: string | null): FolderLock {
  const isHeld = (): boolean => fileAt(folder) === file;
  return {
    isHeld,
    release: () => {
      if (isHeld()) forgetHolder(folder);
      close(database);
    },
    putBack: () => {
      if (isHeld() && noteBefore === null) forgetHolder(folder);
      else if (isHeld() && noteBefore !== null) writeNote(folder, noteBefore, 'w');
      close(database);
    },
    remove: () => {
      // Under the new name nobody looks for it, so nothing is created in it while its files are removed one by one.
      const removed = `${folder}.${randomUUID()}${REMOVED}`;
      renameSync(folder, removed);
      // Closed first: a network volume keeps a file that is removed while it is open, and its folder.
      close(database);
      try {
        rmSync(removed, { recursive: true, force: true });
      } catch {
        // Another process may be removing it as well. Its name says that what stays can be removed.
      }
    },
  };
}

/** Ending a lock twice does nothing. */
function close(database: DatabaseSync): void {
  if (database.isOpen) database.close();
}

/** The end of the name of a folder that is being removed. One that a kill has left can be removed by anybody. */
export const REMOVED = '.removed';

/** A folder can be removed and made again between two tries. */
const TRIES_MAX = 10;

/**
 * Locks the file that the path leads to. A process that removes the folder has its lock until then, so the file that
 * was opened may be one that is removed by now: its lock would keep nobody from the folder that was made instead.
 * `before` runs before each try. Null if the folder is gone, or is removed again and again.
 */
function lockedAsNamed(folder: string, before: () => void): Locked | null {
  let fault: unknown = null;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    before();
    if (!isFolder(folder)) return null;
    try {
      const file = fileAt(folder);
      const database = lockedDatabase(folder);
      // While it is open its inode is given to no other file: if both are the same, that file is what is locked.
      if (file !== null && file === fileAt(folder)) return { database, file };
      database.close();
      fault = null;
    } catch (error) {
      if (!isOfRemoval(error)) throw error;
      fault = error;
    }
  }
  if (fault !== null) throw fault;
  return null;
}

/** Whether the fault may come from another process that removed the folder, or made it again, meanwhile. */
function isOfRemoval(error: unknown): boolean {
  const { code = '', errcode } = error as { readonly code?: string; readonly errcode?: number };
  return ['ENOENT', 'EEXIST'].includes(code) || errcode === CANNOT_OPEN;
}

/** Names the file of the lock by its device and inode, without opening it. Null if there is none. */
function fileAt(folder: string): string | null {
  const found = statSync(join(folder, 'lock'), { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev} ${found.ino}`;
}

function lockedDatabase(folder: string): DatabaseSync {
  const file = join(folder, 'lock');
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // The file is never written to. The journal is in memory, because one on disk would prevent locking on a full disk.
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if (/locked|busy/i.test((error as Error).message)) throw new FolderLockedError(folder, holderOf(folder));
    if (NO_LOCK.includes((error as { errcode?: number }).errcode ?? 0) || isFolder(file))
      throw new StrangeLockError(file);
    // SQLite does not say why a file cannot be opened; the file system does. An existing file is not opened for that:
    // closing it would end a lock that this process may have on it.
    if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
    else closeSync(openSync(file, 'ax', 0o600));
    throw error;
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB: the lock file, which is always empty, has content. */
const NO_LOCK = [11, 26];
/** SQLITE_CANTOPEN. */
const CANNOT_OPEN = 14;

const holderFile = (folder: string): string => join(folder, 'lock.holder');

/** Writes the pid and the host for the message of a process that is refused. On a full disk this file is left out. */
function noteHolder(folder: string, flag: 'w' | 'wx'): void {
  writeNote(folder, `${process.pid} ${hostname()}`, flag);
}

function writeNote(folder: string, note: string, flag: 'w' | 'wx'): void {
  try {
    writeFileSync(holderFile(folder), note, { mode: 0o600, flag });
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function forgetHolder(folder: string): void {
  try {
    rmSync(holderFile(folder), { force: true });
  } catch {
    // The next holder overwrites the file.
  }
}

/** A file that cannot be read, as a full disk leaves, is that of another host: then more is asked of it. */
function lastHolderOf(folder: string): LeftFolder['leftBy'] {
  if (!existsSync(holderFile(folder))) return 'nobody';
  return noteIn(folder)?.host === hostname() ? 'this host' : 'another host';
}

/** Names the host too if it is not this one: a pid means nothing on another machine, or in another container. */
function holderOf(folder: string): string {
  const noted = noteIn(folder);
  if (noted === null) return 'another process';
  return noted.host === hostname() ? `the process ${noted.pid}` : `the process ${noted.pid} of ${noted.host}`;
}

function noteIn(folder: string): { readonly pid: string; readonly host: string } | null {
  const [, pid, host] = /^(\d+) (\S+)$/.exec(read(holderFile(folder))) ?? [];
  return pid === undefined || host === undefined ? null : { pid, host };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
