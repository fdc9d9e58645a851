import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, StartFault } from '@tollgate/app-process';
import { lockFolder, tryWriting } from '@tollgate/folder-lock';

const MIB = 1024 * 1024;
/** What an embedded database that is made takes on the disk, with some room to write to. */
const FIRST_START_BYTES = 64 * MIB;

/**
 * Takes the data folder for this process.
 * @throws {StartFault} in one line: another process has it, it cannot be one, or its disk is full or takes no writes
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
 * Sees to it that an embedded database that is made in `folder` fits: it would be left half made.
 * @throws {StartFault} where the disk has no room for it
 */
export function roomForDatabase(folder: string): void {
  const free = freeMib(join(folder, '..'));
  if (free * MIB >= FIRST_START_BYTES) return;
  throw new StartFault(
    'TOLLGATE_DATA',
    `no space is left on the disk of ${folder} for the database: it takes ${FIRST_START_BYTES / MIB} MiB, and ${free} MiB are free; make room, or name another folder`,
  );
}

/** What is free on the disk of a folder, in whole MiB. */
export function freeMib(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return Math.floor((bavail * bsize) / MIB);
}
