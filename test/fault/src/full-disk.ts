import { execFileSync } from 'node:child_process';
import { smallDisk } from '@tollgate/infra';

/** What a process writes its files on, as far as a test can fill it. */
export interface FillableDisk {
  /** To the last byte: from now on writes of the process fail. */
  fill(): void;
  makeRoom(): void;
  /** What is on it goes, once nobody has it open any more. */
  remove(): void;
}

/**
 * A small file system of its own, mounted on a folder that is there. Where this process may not mount (it takes root,
 * on Linux, and in most containers more), a limit on how long the files of the process may be: `processId` is asked
 * then.
 */
export const fillableDisk = (folder: string, processId: () => number): FillableDisk =>
  smallDisk(SIZE_MIB, folder) ?? new FileSizeLimit(processId);

/** Room for what a gateway journals in the longest outage of a long run. */
const SIZE_MIB = 96;

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
    execFileSync('prlimit', ['--pid', String(this.processId()), `--fsize=${bytes}:`], { stdio: 'pipe' });
  }
}
