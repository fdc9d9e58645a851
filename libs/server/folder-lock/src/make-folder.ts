import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const OWNER_ALONE = 0o700;

/**
 * Creates a folder and its missing parents, for their owner only. Throws the error of the file system if it cannot.
 * Node's own recursive `mkdir` is not used: it retries for ever if the system answers ENOENT although the parent folder
 * exists, as under `/proc`.
 */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: OWNER_ALONE });
  } catch (error) {
    // Another process may have created it meanwhile. A file in its place is an error.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || isFile(folder)) throw error;
    // It may have removed it again, too.
    makeFolder(folder);
  }
}

/** Whether there is something at the path that is no folder, such as a link that leads nowhere. */
function isFile(path: string): boolean {
  return !isFolder(path) && lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
}

/** Whether the path exists and is a folder, or a link to one. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
