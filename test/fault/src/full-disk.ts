import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Room for what a gateway journals in the longest outage of a long run. */
const size = '96m';
const part = Buffer.alloc(64 * 1024);

/** A small disk of its own, mounted on a folder that is there, which a test can fill. Mounting takes root, on Linux. */
export class SmallDisk {
  private constructor(private readonly folder: string) {}

  /** Throws where this process may not mount. */
  static mount(folder: string): SmallDisk {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tollgate-fault', folder], { stdio: 'pipe' });
    } catch (error) {
      throw new Error('a disk that can be filled could not be mounted: this fault needs Linux, and root or CAP_SYS_ADMIN', { cause: error });
    }
    return new SmallDisk(folder);
  }

  /** Fills it to the last byte. */
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

  /** Its content goes with it, once nobody has it open any more. */
  unmount(): void {
    execFileSync('umount', ['--lazy', this.folder], { stdio: 'pipe' });
  }

  get #filler(): string {
    return join(this.folder, 'filler');
  }
}
