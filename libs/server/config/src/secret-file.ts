import { readFileSync } from 'node:fs';

/** What a file with one secret holds; undefined where it cannot be read. */
export type SecretFile = (path: string) => string | undefined;

/** Reads a file with one secret, as container platforms mount them. A line end after it does not belong to it. */
export const secretFile: SecretFile = (path) => {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
};
