import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/**
 * Locks a folder for this process. A missing folder is created, readable by its owner only. The lock is the operating
 * system's, on a SQLite file in an open exclusive transaction: it ends with the process, however that ends, and holds
 * across containers that share the folder. Throws FolderLockedError, StrangeLockError, and the error of the file system
 * if the folder cannot be created or written to. A full disk alone does not prevent locking.
 */
export function lockFolder(folder: string): { release(): void } {
  makeFolder(folder);
  const database = lockedDatabase(folder);
  try {
    noteHolder(folder);
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    release: () => {
      forgetHolder(folder);
      database.close();
    },
  };
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
    // SQLite does not say why a file cannot be opened; the file system does.
    closeSync(openSync(file, 'a', 0o600));
    throw error;
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB: the lock file, which is always empty, has content. */
const NO_LOCK = [11, 26];

const holderFile = (folder: string): string => join(folder, 'lock.holder');

/** Writes the pid and the host for the message of a process that is refused. On a full disk this file is left out. */
function noteHolder(folder: string): void {
  try {
    writeFileSync(holderFile(folder), `${process.pid} ${hostname()}`, { mode: 0o600 });
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

/** Names the host too if it is not this one: a pid means nothing on another machine, or in another container. */
function holderOf(folder: string): string {
  const noted = /^(\d+) (\S+)$/.exec(read(holderFile(folder)));
  if (noted === null) return 'another process';
  return noted[2] === hostname() ? `the process ${noted[1]}` : `the process ${noted[1]} of ${noted[2]}`;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
