import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What a process writes its files on, as far as a test can fill it. */
export interface FillableDisk {
  /** To the last byte: from now on writes of the process fail. */
  fill(): void;
  makeRoom(): void;
  /** What is on it goes, once nobody has it open any more. */
  remove(): void;
}

/**
 * A small file system of its own, mounted on a folder that is there. Where this process may not mount (it takes root, on
 * Linux, and in most containers more), a limit on how long the files of the process may be: `processId` is asked then.
 */
export function fillableDisk(folder: string, processId: () => number): FillableDisk {
  try {
    return new SmallFileSystem(folder);
  } catch {
    return new FileSizeLimit(processId);
  }
}

/** Room for what a gateway journals in the longest outage of a long run. */
const size = '96m';
const part = Buffer.alloc(64 * 1024);

class SmallFileSystem implements FillableDisk {
  readonly #filler: string;

  constructor(private readonly folder: string) {
    this.#filler = join(folder, 'filler');
    run('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tollgate-fault', folder);
  }

  fill(): void {
    const fd = openSync(this.#filler, 'a');
    try {
      for (let length = part.length; length > 0; ) {
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

  makeRoom(): void {
    rmSync(this.#filler, { force: true });
  }

  remove(): void {
    run('umount', '--lazy', this.folder);
  }
}

/** Writes fail in the middle and with an error, as on a full disk; the error is another one (EFBIG). */
class FileSizeLimit implements FillableDisk {
  constructor(private readonly processId: () => number) {}

  fill(): void {
    this.#limit('1');
  }

  makeRoom(): void {
    this.#limit('unlimited');
  }

  remove(): void {
    // It goes with the process.
  }

  /** The soft limit alone, so that it can be raised again. */
  #limit(bytes: string): void {
    run('prlimit', '--pid', String(this.processId()), `--fsize=${bytes}:`);
  }
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: 'pipe' });
}
