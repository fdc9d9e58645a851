import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The size of a test write. A few bytes would fit even on a full disk, because file systems store small files outside
 * of their blocks.
 */
const TRIAL_BYTES = 64 * 1024;

/**
 * Writes a test file to a folder and removes it. Throws the error of the file system if the disk is full or takes no
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

/**
 * Whether the disk of a folder has room for a few more writes. It is cheap: it only reads the file system's figures.
 */
export function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= TRIAL_BYTES;
  } catch {
    return false;
  }
}
