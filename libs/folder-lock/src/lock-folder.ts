import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A folder that another living process holds. */
export class FolderLockedError extends Error {
  constructor(readonly folder: string) {
    super(`the folder ${folder} is in use by another process; stop that one, or name another folder`);
    this.name = 'FolderLockedError';
  }
}

/**
 * Takes a folder for this process (made where it is missing, readable by its owner alone).
 * The lock is the operating system's, on a SQLite file in an open exclusive transaction: it dies with the process,
 * however that ends, and holds across containers that share the folder. Throws FolderLockedError.
 */
export function lockFolder(folder: string): { release(): void } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (/locked|busy/i.test((error as Error).message)) throw new FolderLockedError(folder);
    throw error;
  }
  return { release: () => database.close() };
}
