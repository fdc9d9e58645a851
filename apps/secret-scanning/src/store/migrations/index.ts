import type { MigrateOptions } from '@tollgate/postgres';
import { Scanning1795190400000 } from './1795190400000-scanning.js';

/** The Postgres schema of secret-scanning, for `migrate`. */
export const secretScanningSchema: MigrateOptions = { schema: 'scanning', migrations: [Scanning1795190400000] };
