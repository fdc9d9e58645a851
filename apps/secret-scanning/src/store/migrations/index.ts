import type { MigrateOptions } from '@tollgate/postgres';
import { Scanning1795190400000 } from './1795190400000-scanning.js';

/** What secret-scanning keeps in Postgres, for `migrate`. */
export const secretScanningSchema: MigrateOptions = { schema: 'scanning', migrations: [Scanning1795190400000] };
