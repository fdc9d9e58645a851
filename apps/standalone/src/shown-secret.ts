import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '@tollgate/folder-lock';

/**
 * A secret that an operator gets to see: its text on a terminal, which forgets it, else a file of the data folder. What
 * else is written to standard output may be kept for good: an engine keeps the logs of its containers.
 */
export type ShownSecret =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'file'; readonly path: string };

/** The files of a data folder with secrets that were shown in no other way. */
const FILES = { adminSecret: 'admin-secret', signInLink: 'sign-in-link' } as const;
type Named = keyof typeof FILES;

/** Shows secrets on the terminal, or writes each into a file of the data folder that its owner alone can read. */
export class SecretsForOperator {
  constructor(
    private readonly dataFolder: string,
    private readonly isTerminal: boolean,
  ) {}

  show(name: Named, secret: string): ShownSecret {
    if (this.isTerminal) return { kind: 'text', text: secret };
    const path = this.#pathOf(name);
    replaceFile(path, `${secret}\n`);
    return { kind: 'file', path };
  }

  /** A secret that an earlier start has written into its file, which is still there; null otherwise. */
  left(name: Named): ShownSecret | null {
    const path = this.#pathOf(name);
    return existsSync(path) ? { kind: 'file', path } : null;
  }

  /** Removes the file of a secret that is good for nothing any more. */
  remove(name: Named): void {
    rmSync(this.#pathOf(name), { force: true });
  }

  #pathOf(name: Named): string {
    return join(this.dataFolder, FILES[name]);
  }
}
