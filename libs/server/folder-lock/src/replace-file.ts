import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces the content of a file atomically: also after a power cut the file has either the old or the new content. The
 * new content is durable when this returns. The file is readable by its owner only.
 */
export function replaceFile(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  syncFolder(dirname(path));
}

/** Makes creations, renames and removals in a folder durable, so that a power cut does not undo them. */
export function syncFolder(folder: string): void {
  const entry = openSync(folder, 'r');
  try {
    fsyncSync(entry);
  } finally {
    closeSync(entry);
  }
}
