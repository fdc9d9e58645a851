import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isFolder, makeFolder } from './make-folder.js';

/** A folder that another living process holds. */
export class FolderLockedError extends Error {
  /** `holder` is the process that has it, as far as that is known: `the process 4711`. */
  constructor(
    readonly folder: string,
    readonly holder: string,
  ) {
    super(`the folder ${folder} is in use by ${holder}; stop that one, or name another folder`);
    this.name = 'FolderLockedError';
  }
}

/** What stands where a folder's lock should be was not made by `lockFolder`. */
export class StrangeLockError extends Error {
  constructor(readonly file: string) {
    super(
      `${file} is no lock: another program has written to it; make sure that no Tollgate runs on the folder, and remove it`,
    );
    this.name = 'StrangeLockError';
  }
}

/**
 * Takes a folder for this process (made where it is missing, readable by its owner alone). The lock is the operating
 * system's, on a SQLite file in an open exclusive transaction: it dies with the process, however that ends, and holds
 * across containers that share the folder. Throws FolderLockedError, StrangeLockError, and the error of the file system
 * where the folder cannot be made or written to; a full disk alone does not keep it from being taken.
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
    // Nothing is ever written to it: with a journal on disk the lock could not be taken where the disk is full.
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

/** SQLITE_CORRUPT, SQLITE_NOTADB: the file that nothing is ever written to has something in it. */
const NO_LOCK = [11, 26];

const holderFile = (folder: string): string => join(folder, 'lock.holder');

/** For the message of the next process that is refused. On a full disk the lock holds without it. */
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
    // It is overwritten by the next holder.
  }
}

/** A pid says nothing on another machine, or in another container: there the name of the machine is said too. */
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
