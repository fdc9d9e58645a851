import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StartFault } from '@tollgate/app-process';
import { z } from 'zod';
import { replaceFile } from '@tollgate/folder-lock';
import { readSecrets, secretsFile } from './instance-secrets.js';
import { readKeptFile } from './kept-file.js';

/**
 * Records how far the first start of an installation came. `begun`: a first start is in progress, and parts that it has
 * not made yet may be missing. `made`: a start has finished, so a missing part (secrets, journal, embedded database)
 * was lost.
 */
const manifest = z.object({ state: z.enum(['begun', 'made']), database: z.enum(['embedded', 'server']) });
type Manifest = z.output<typeof manifest>;

/** The parts of an instance that come from outside of its data folder. */
export interface InstanceParts {
  /** True if the data is in the database of DATABASE_URL. */
  readonly onServer: boolean;
  /** True if TOLLGATE_PEPPER is set. */
  readonly pepperGiven: boolean;
}

/** A data folder that was found complete, or that is new. */
export interface InstanceFolder {
  /** A line to log as a warning; null for none. */
  readonly warning: string | null;
  /** Call it when all parts exist and before a key can be made: from then on a missing part is an error. */
  made(): void;
}

/**
 * Checks, before anything is made in a data folder, that none of its parts was lost. If a lost part were replaced by a
 * new one, the remaining parts would become useless. A folder of the previous release has no manifest; in it, one part
 * is taken as proof that the others existed.
 * @throws {StartFault} with one line that says what is missing and what to do
 */
export function instanceFolder(folder: string, { onServer, pepperGiven }: InstanceParts): InstanceFolder {
  const found = readManifest(folder);
  const secrets = readSecrets(folder);
  const journal = join(folder, 'journal');
  const hasEnded = found?.state === 'made' || (found === null && secrets?.adminSecretDigest !== undefined);
  const proof = proofOfLife(folder, found, hasEnded);
  if (!onServer) checkDatabase(folder, found, proof);
  if (secrets === null && !pepperGiven && proof !== null)
    throw lost(secretsFile(folder), proof, 'it keeps the pepper, without which every key is refused', folder);
  if (hasEnded && !existsSync(journal))
    throw lost(
      journal,
      proof!,
      'usage that was not booked yet is in it; if it is lost for good, make an empty folder of that name',
      folder,
    );
  const database = onServer ? 'server' : 'embedded';
  if (proof === null) writeManifest(folder, found, { state: 'begun', database });
  const moves = onServer && found?.state === 'made' && found.database === 'embedded';
  const before = `the data of this installation was in ${databaseFolder(folder)} so far`;
  return {
    warning: moves ? `${before}; from now on it is in the database of DATABASE_URL` : null,
    made: () => writeManifest(folder, readManifest(folder), { state: 'made', database }),
  };
}

/** The folder of the embedded database within a data folder. */
export const databaseFolder = (folder: string): string => join(folder, 'postgres');

/** Says whether a folder has a database, judged by the one file PG_VERSION. */
export const isDatabase = (folder: string): boolean => existsSync(join(folder, 'PG_VERSION'));

/** The file or folder that proves that an installation existed here, so all parts must exist; null if none does. */
function proofOfLife(folder: string, found: Manifest | null, hasEnded: boolean): string | null {
  if (found?.state === 'made') return manifestFile(folder);
  const journal = join(folder, 'journal');
  if (isEmpty(journal, (name) => name === 'journal.json' || name.startsWith('segment-'))) {
    if (hasEnded) return secretsFile(folder);
    return found === null && isDatabase(databaseFolder(folder)) ? databaseFolder(folder) : null;
  }
  return journal;
}

function checkDatabase(folder: string, found: Manifest | null, proof: string | null): void {
  const database = databaseFolder(folder);
  if (found?.state === 'made' && found.database === 'server')
    throw new StartFault(
      'DATABASE_URL',
      `is not set, and the data of ${folder} is in the database that it named so far; set it, or name another folder by TOLLGATE_DATA`,
    );
  if (isDatabase(database)) return;
  if (!isEmpty(database))
    throw lost(join(database, 'PG_VERSION'), database, 'the database beside it would be overwritten', folder);
  if (proof !== null)
    throw lost(
      database,
      proof,
      'all keys and the ledger are in it, unless DATABASE_URL named another database',
      folder,
    );
}

function lost(part: string, proof: string, why: string, folder: string): StartFault {
  return new StartFault(
    'TOLLGATE_DATA',
    `${part} is missing, although ${proof} is there: ${why}; put it back, from a backup if need be; if no key was ever made, remove ${folder}`,
  );
}

/** True if a folder has no entry that `isMeant` accepts, or does not exist. */
function isEmpty(folder: string, isMeant: (name: string) => boolean = () => true): boolean {
  try {
    return !readdirSync(folder).some(isMeant);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return true;
    throw error;
  }
}

const manifestFile = (folder: string): string => join(folder, 'manifest.json');

const readManifest = (folder: string): Manifest | null =>
  readKeptFile(manifestFile(folder), manifest, 'or remove it: the next start then checks the other files beside it');

function writeManifest(folder: string, before: Manifest | null, next: Manifest): void {
  if (before?.state !== next.state || before.database !== next.database)
    replaceFile(manifestFile(folder), JSON.stringify(next));
}
