import type { MigrateOptions } from '@tollgate/postgres';
import { Scanning1795190400000 } from './1795190400000-scanning.js';
import { Tenancy1796342400002 } from './1796342400002-tenancy.js';
import { LeakedSecrets1797120000002 } from './1797120000002-leaked-secrets.js';

/** The Postgres schema of secret-scanning, for `migrate`. */
export const secretScanningSchema: MigrateOptions = {
  schema: 'scanning',
  serviceSchema: 'scanning',
  migrations: [Scanning1795190400000, Tenancy1796342400002, LeakedSecrets1797120000002],
};
