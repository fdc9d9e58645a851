import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { reapFolder } from './reaper.js';

/** Makes a folder of its own under the system's temporary folder. It is removed when this process ends. */
export function tempFolder(prefix: string): string {
  return makeFolder(tmpdir(), prefix);
}

/** As `tempFolder`, but where another user can reach it: a TMPDIR inside /root is of no use to the user `postgres`. */
export function tempFolderForOtherUser(prefix: string): string {
  return makeFolder(everyoneMayEnter(tmpdir()) ? tmpdir() : '/tmp', prefix);
}

function makeFolder(parent: string, prefix: string): string {
  const folder = mkdtempSync(join(parent, `${prefix}-`));
  reapFolder(folder);
  return folder;
}

function everyoneMayEnter(folder: string): boolean {
  const enterable = (statSync(folder).mode & 0o001) !== 0;
  const parent = dirname(folder);
  return enterable && (parent === folder || everyoneMayEnter(parent));
}
