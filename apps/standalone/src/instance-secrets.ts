import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { replaceFile } from '@tollgate/folder-lock';
import { secretDigest } from '@tollgate/http';
import { z } from 'zod';
import { readKeptFile } from './kept-file.js';

/** The digest is missing until the admin secret was given, or one that was made was shown. */
const keptSecrets = z.object({ pepper: z.string().min(16), adminSecretDigest: z.string().min(1).optional() });
export type KeptSecrets = z.output<typeof keptSecrets>;

/**
 * Stands in the place of a pepper that is given from outside and never written down. The release before reads the file
 * as long as it has a pepper of this length, and does not look at it where one is given.
 */
const GIVEN_FROM_OUTSIDE = 'not kept here: TOLLGATE_PEPPER gives it';

export interface InstanceSecrets {
  readonly pepper: string;
  /** The setting to look at where the keys were made under another pepper, and which one this is. */
  readonly pepperSource: { readonly variable: string; readonly is: string };
  /** As `AdminGuard` takes it: the secret of the environment, or the digest of one that was given or made before. */
  readonly adminSecret: string;
  /** The plaintext of an admin secret made just now, to be shown; null otherwise. */
  readonly newAdminSecret: string | null;
  /**
   * To be called once the database is known to take the pepper. Where it is given from outside and was kept until now,
   * it is kept no longer, and the answer is true.
   */
  accepted(): boolean;
  /** To be called once a new admin secret was shown: later starts keep to it. Durable when it returns. */
  shown(): void;
}

/**
 * The secrets of an installation: what the environment gives, else what the data folder keeps. A pepper that is made is
 * kept from the first start on, one that is given never. Of the admin secret only a digest is kept: of one that is
 * given at once, in the place of any before; of one that is made only after somebody has seen it, so that a start that
 * does not get that far leaves it to the next one to make another.
 * @throws {StartFault} where the file that keeps them is damaged
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
  // What is kept stays until it is certain that the keys were made under the other one.
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

export const secretsFile = (folder: string): string => join(folder, 'instance.json');

/**
 * What a folder keeps; null where it keeps nothing.
 * @throws {StartFault} where the file is damaged
 */
export const readSecrets = (folder: string): KeptSecrets | null =>
  readKeptFile(
    secretsFile(folder),
    keptSecrets,
    `since it keeps the pepper, without which no key is known, unless TOLLGATE_PEPPER gives that; where no key was ever made, remove ${folder}`,
  );
