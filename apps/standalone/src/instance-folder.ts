import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StartFault } from '@tollgate/app-process';
import { z } from 'zod';
import { replaceFile } from '@tollgate/folder-lock';
import { readSecrets, secretsFile } from './instance-secrets.js';
import { readKeptFile } from './kept-file.js';

/**
 * What belongs to the instance of a data folder. `begun`: a first start is under way, and anything but what it has made
 * so far may be missing. `made`: a start has come to its end, so secrets, journal and, where it is embedded, the
 * database are there, or were lost.
 */
const manifest = z.object({ state: z.enum(['begun', 'made']), database: z.enum(['embedded', 'server']) });
type Manifest = z.output<typeof manifest>;

export interface InstanceParts {
  /** Whether the data is in the database of DATABASE_URL. */
  readonly onServer: boolean;
  /** Whether TOLLGATE_PEPPER is set. */
  readonly pepperGiven: boolean;
}

export interface InstanceFolder {
  /** What an operator should hear; null for nothing. */
  readonly warning: string | null;
  /** To be called when all parts are there, before a key can be made: from now on none of them may be missing. */
  made(): void;
}

/**
 * Looks whether the parts of a data folder fit together, before anything is made in it: where one is missing that was
 * there, a new one would take its place and what is left would be of no use any more. A folder of the release before
 * has no manifest: there the parts prove one another.
 * @throws {StartFault} in one line that says what is missing, and what to do
 */
export function instanceFolder(folder: string, { onServer, pepperGiven }: InstanceParts): InstanceFolder {
  const found = readManifest(folder);
  const secrets = readSecrets(folder);
  const journal = join(folder, 'journal');
  const hasEnded = found?.state === 'made' || (found === null && secrets?.adminSecretDigest !== undefined);
  const proof = proofOfLife(folder, found, hasEnded);
  if (!onServer) checkDatabase(folder, found, proof);
  if (secrets === null && !pepperGiven && proof !== null)
    throw lost(secretsFile(folder), proof, 'it keeps the pepper, without which no key is known', folder);
  if (hasEnded && !existsSync(journal))
    throw lost(
      journal,
      proof!,
      'usage that was not booked yet is in it; where it is lost for good, make an empty folder of that name',
      folder,
    );
  const database = onServer ? 'server' : 'embedded';
  if (proof === null) writeManifest(folder, found, { state: 'begun', database });
  const moves = onServer && found?.state === 'made' && found.database === 'embedded';
  const before = `the data of this instance was in ${databaseFolder(folder)} so far`;
  return {
    warning: moves ? `${before}; from now on it is in the database of DATABASE_URL` : null,
    made: () => writeManifest(folder, readManifest(folder), { state: 'made', database }),
  };
}

/** Where the embedded database is, in a data folder. */
export const databaseFolder = (folder: string): string => join(folder, 'postgres');

/** Whether there is a database, as far as its first file says. */
export const isDatabase = (folder: string): boolean => existsSync(join(folder, 'PG_VERSION'));

/** What says that there has been an instance here whose parts must all be there; null where nothing does. */
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
    `${part} is missing, although ${proof} is there: ${why}; put it back, from a backup if need be; where no key was ever made, remove ${folder}`,
  );
}

/** Whether a folder has none of the entries meant, or is not there. */
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
  readKeptFile(manifestFile(folder), manifest, 'or remove it: then the next start looks at what is beside it');

function writeManifest(folder: string, before: Manifest | null, next: Manifest): void {
  if (before?.state !== next.state || before.database !== next.database)
    replaceFile(manifestFile(folder), JSON.stringify(next));
}
