import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const OWNER_ALONE = 0o700;

/**
 * Makes a folder and those above it, where they are missing, for their owner alone. Throws the error of the file system
 * where that cannot be done. Node's own recursive `mkdir` is not used: it tries for ever where the system answers
 * ENOENT although the folder above is there, as under `/proc`.
 */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: OWNER_ALONE });
  } catch (error) {
    // Somebody else may have made it meanwhile; a file in its place is an error.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(folder)) throw error;
  }
}

/** Whether there is a folder at a path. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
