import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** More than what a file system keeps beside its blocks: a few bytes fit even on a disk that is full. */
const TRIAL_BYTES = 64 * 1024;

/**
 * Writes to a folder and takes it away again. Throws the error of the file system where the disk is full or takes no
 * writes.
 */
export function tryWriting(folder: string): void {
  const file = join(folder, `trial.${process.pid}`);
  try {
    const fd = openSync(file, 'w', 0o600);
    try {
      const bytes = Buffer.alloc(TRIAL_BYTES);
      for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(file, { force: true });
  }
}

/** Whether the disk of a folder has room for some writes more. Cheap: it asks the file system and writes nothing. */
export function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= TRIAL_BYTES;
  } catch {
    return false;
  }
}
