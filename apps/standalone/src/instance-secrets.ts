import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StartFault } from '@tollgate/app-process';
import { secretDigest } from '@tollgate/http';
import { z } from 'zod';

/** Without a digest until an admin secret was shown: then no start has ever completed. */
const kept = z.strictObject({ pepper: z.string().min(16), adminSecretDigest: z.string().min(1).optional() });

export interface InstanceSecrets {
  readonly pepper: string;
  /** As `AdminGuard` takes it: the secret of the environment, or the digest of the one made here. */
  readonly adminSecret: string;
  /** The plaintext of an admin secret made just now, to be shown; null otherwise. */
  readonly newAdminSecret: string | null;
  /** To be called once the admin secret was shown: later starts keep to it. Durable when it returns. */
  shown(): void;
}

/**
 * The secrets of an installation: what the environment gives, else what the data folder keeps. The pepper is kept from
 * the first start on. Of the admin secret only a digest is kept, and only after somebody has seen it: a start that does
 * not get that far leaves it to the next one to make another.
 * @throws {StartFault} where the file that keeps them is damaged
 */
export function instanceSecrets(folder: string, given: { readonly pepper: string | undefined; readonly adminSecret: string | undefined }): InstanceSecrets {
  if (given.pepper !== undefined && given.adminSecret !== undefined) {
    return { pepper: given.pepper, adminSecret: given.adminSecret, newAdminSecret: null, shown: () => undefined };
  }
  const found = read(folder);
  const pepper = found?.pepper ?? given.pepper ?? randomBytes(32).toString('base64url');
  if (found === null) write(folder, { pepper });

  const keptDigest = found?.adminSecretDigest;
  const newAdminSecret = keptDigest === undefined && given.adminSecret === undefined ? `tg-admin-${randomBytes(24).toString('base64url')}` : null;
  const adminSecretDigest = keptDigest ?? secretDigest(newAdminSecret ?? given.adminSecret!);
  return {
    pepper: given.pepper ?? pepper,
    adminSecret: given.adminSecret ?? adminSecretDigest,
    newAdminSecret,
    shown: () => {
      if (keptDigest === undefined) write(folder, { pepper, adminSecretDigest });
    },
  };
}

const fileIn = (folder: string): string => join(folder, 'instance.json');

function read(folder: string): z.output<typeof kept> | null {
  const path = fileIn(folder);
  if (!existsSync(path)) return null;
  try {
    return kept.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new StartFault('TOLLGATE_DATA', `${path} is damaged: empty, cut off or changed. Put it back from a backup, since it keeps the pepper, without which no key is known; where no key was ever made, remove it`, error);
  }
}

/** The file is as before or as it should be, also after a power cut; readable by its owner alone. */
function write(folder: string, secrets: z.output<typeof kept>): void {
  const path = fileIn(folder);
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, JSON.stringify(secrets));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  const entry = openSync(folder, 'r');
  try {
    fsyncSync(entry);
  } finally {
    closeSync(entry);
  }
}
