import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from './folders.js';

/** A file system of its own, mounted on an empty folder. */
export interface SmallDisk {
  readonly folder: string;
  /** To the last byte. */
  fill(): void;
  makeRoom(): void;
  makeReadOnly(): void;
  remove(): void;
}

/** Null where this process may not mount: it takes root, on Linux, and in most containers more. */
export function smallDisk(sizeMib: number, folder = tempFolder('tollgate-small-disk')): SmallDisk | null {
  if (!runs('mount', '-t', 'tmpfs', '-o', `size=${sizeMib}m,mode=0700`, 'tollgate-test', folder)) return null;
  return {
    folder,
    fill: () => fill(join(folder, 'filler')),
    makeRoom: () => rmSync(join(folder, 'filler'), { force: true }),
    makeReadOnly: () => {
      execFileSync('mount', ['-o', 'remount,ro', folder], { stdio: 'pipe' });
    },
    remove: () => {
      execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' });
    },
  };
}

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

function fill(file: string): void {
  const part = Buffer.alloc(64 * 1024);
  const fd = openSync(file, 'a');
  try {
    for (let length = part.length; length > 0;) {
      try {
        writeSync(fd, part, 0, length);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        length = Math.floor(length / 2);
      }
    }
  } finally {
    closeSync(fd);
  }
}
