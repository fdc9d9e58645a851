import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secretDigest } from '@tollgate/http';
import { z } from 'zod';

const kept = z.strictObject({ pepper: z.string().min(16), adminSecretDigest: z.string() });

export interface InstanceSecrets {
  readonly pepper: string;
  /** As `AdminGuard` takes it: the secret of the environment, or the digest of the one made here. */
  readonly adminSecret: string;
  /** The plaintext of an admin secret made just now, to be shown this once; null otherwise. */
  readonly newAdminSecret: string | null;
}

/**
 * The secrets of an installation: what the environment gives, else what the data folder keeps, made on the first
 * start. Of the admin secret only a digest is kept.
 */
export function instanceSecrets(folder: string, given: { readonly pepper: string | undefined; readonly adminSecret: string | undefined }): InstanceSecrets {
  if (given.pepper !== undefined && given.adminSecret !== undefined) return { pepper: given.pepper, adminSecret: given.adminSecret, newAdminSecret: null };
  const path = join(folder, 'instance.json');
  const found = existsSync(path) ? kept.parse(JSON.parse(readFileSync(path, 'utf8'))) : null;
  const newAdminSecret = found === null && given.adminSecret === undefined ? `tg-admin-${randomBytes(24).toString('base64url')}` : null;
  const secrets = found ?? {
    pepper: given.pepper ?? randomBytes(32).toString('base64url'),
    adminSecretDigest: secretDigest(newAdminSecret ?? given.adminSecret!),
  };
  if (found === null) {
    writeFileSync(`${path}.new`, JSON.stringify(secrets), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  return { pepper: given.pepper ?? secrets.pepper, adminSecret: given.adminSecret ?? secrets.adminSecretDigest, newAdminSecret };
}
