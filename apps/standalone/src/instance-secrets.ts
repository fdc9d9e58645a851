import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { replaceFile } from '@tollgate/folder-lock';
import { secretDigest } from '@tollgate/http';
import { z } from 'zod';
import { readKeptFile } from './kept-file.js';

/** The digest is absent until an admin secret was given, or a new one was shown to the operator. */
const keptSecrets = z.object({ pepper: z.string().min(16), adminSecretDigest: z.string().min(1).optional() });
export type KeptSecrets = z.output<typeof keptSecrets>;

/**
 * Placeholder for a pepper that TOLLGATE_PEPPER gives, which is never written to disk. The previous release requires a
 * pepper of at least this length in the file, and ignores it if one is given.
 */
const GIVEN_FROM_OUTSIDE = 'not kept here: TOLLGATE_PEPPER gives it';

/** The pepper and the admin secret of an instance. */
export interface InstanceSecrets {
  readonly pepper: string;
  /** The setting and the words that name this pepper in the error if the keys were made under another one. */
  readonly pepperSource: { readonly variable: string; readonly is: string };
  /** The credential for `the admin API`: the secret of the environment, or the digest of an earlier one. */
  readonly adminSecret: string;
  /** The plaintext of an admin secret that this start made, to be shown; null otherwise. */
  readonly newAdminSecret: string | null;
  /**
   * Call it once it is certain that the keys of the database belong to this pepper. If TOLLGATE_PEPPER gives it and the
   * file still had one, the file's is removed, and the result is true.
   */
  accepted(): boolean;
  /** Call it once a new admin secret was shown; its digest is then stored durably, and later starts use it. */
  shown(): void;
}

/**
 * The secrets of an installation: those of the environment, else those that the data folder keeps, else new ones. A new
 * pepper is stored at the first start; a pepper of the environment is never stored. Of the admin secret only a digest
 * is stored: at once if the environment gives it, replacing any earlier one; for a new secret only after it was shown.
 * If a start fails before that, the next one makes another secret.
 * @throws {StartFault} if the file that keeps them is damaged
 */
export function instanceSecrets(
  folder: string,
  given: { readonly pepper: string | undefined; readonly adminSecret: string | undefined },
): InstanceSecrets {
  const found = readSecrets(folder);
  const keptPepper = found?.pepper === GIVEN_FROM_OUTSIDE ? undefined : found?.pepper;
  const pepper = given.pepper ?? keptPepper ?? randomBytes(32).toString('base64url');
  const givenDigest = given.adminSecret === undefined ? undefined : secretDigest(given.adminSecret);
  const keptDigest = givenDigest ?? found?.adminSecretDigest;
  const newAdminSecret = keptDigest === undefined ? `tg-admin-${randomBytes(24).toString('base64url')}` : null;

  const toKeep = given.pepper === undefined ? pepper : GIVEN_FROM_OUTSIDE;
  // The stored pepper stays until it is certain that the keys were made under the given one.
  let kept: KeptSecrets = {
    pepper: found?.pepper ?? toKeep,
    ...(keptDigest !== undefined && { adminSecretDigest: keptDigest }),
  };
  const store = (): void => replaceFile(secretsFile(folder), JSON.stringify(kept));
  if (found?.pepper !== kept.pepper || found.adminSecretDigest !== kept.adminSecretDigest) store();
  return {
    pepper,
    pepperSource: sourceOf(folder, given.pepper, keptPepper),
    adminSecret: given.adminSecret ?? keptDigest ?? secretDigest(newAdminSecret!),
    newAdminSecret,
    accepted: () => {
      if (kept.pepper === toKeep) return false;
      kept = { ...kept, pepper: toKeep };
      store();
      return given.pepper !== undefined;
    },
    shown: () => {
      if (newAdminSecret === null) return;
      kept = { ...kept, adminSecretDigest: secretDigest(newAdminSecret) };
      store();
    },
  };
}

function sourceOf(
  folder: string,
  given: string | undefined,
  kept: string | undefined,
): InstanceSecrets['pepperSource'] {
  if (given !== undefined) return { variable: 'TOLLGATE_PEPPER', is: 'the one that is given' };
  if (kept !== undefined) return { variable: 'TOLLGATE_DATA', is: `the one in ${secretsFile(folder)}` };
  return { variable: 'TOLLGATE_PEPPER', is: 'one that was made just now, since it is not set' };
}

/** The file of a data folder that keeps the secrets. */
export const secretsFile = (folder: string): string => join(folder, 'instance.json');

/**
 * Reads the secrets that a data folder keeps; null if it has none.
 * @throws {StartFault} if the file is damaged
 */
export const readSecrets = (folder: string): KeptSecrets | null =>
  readKeptFile(
    secretsFile(folder),
    keptSecrets,
    `since it keeps the pepper, without which every key is refused, unless TOLLGATE_PEPPER gives that; if no key was ever made, remove ${folder}`,
  );
