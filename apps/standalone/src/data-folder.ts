import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, StartFault } from '@tollgate/app-process';
import { lockFolder, tryWriting } from '@tollgate/folder-lock';

const MIB = 1024 * 1024;
/** The disk space that a new embedded database needs, with some room for data. */
const FIRST_START_BYTES = 64 * MIB;

/**
 * Locks the data folder for this process, and checks that it can be written to.
 * @throws {StartFault} if another process uses it, it cannot be a folder, or its disk is full or read-only
 */
export function takeDataFolder(folder: string): { release(): void } {
  return inFolder('TOLLGATE_DATA', folder, () => {
    const lock = lockFolder(folder);
    try {
      tryWriting(folder);
      return lock;
    } catch (error) {
      lock.release();
      throw error;
    }
  });
}

/**
 * Checks that there is room for a new embedded database in `folder`, since it would otherwise be left half made.
 * @throws {StartFault} if the disk has too little room
 */
export function roomForDatabase(folder: string): void {
  const free = freeMib(join(folder, '..'));
  if (free * MIB >= FIRST_START_BYTES) return;
  throw new StartFault(
    'TOLLGATE_DATA',
    `no space is left on the disk of ${folder} for the database: it takes ${FIRST_START_BYTES / MIB} MiB, and ${free} MiB are free; make room, or name another folder`,
  );
}

/** The free space on the disk of a folder, in whole MiB. */
export function freeMib(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return Math.floor((bavail * bsize) / MIB);
}
