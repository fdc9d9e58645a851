import { readEnvironment } from '@tollgate/config';
import { runMigrateCommand } from '@tollgate/postgres';
import { migrateEnvironment } from './config.js';
import { secretScanningSchema } from './store/migrations/index.js';

/** Brings the schema of secret-scanning up to date, or waits until it is, and ends: for a job beside the service. */
await runMigrateCommand({
  service: 'secret-scanning',
  readEnvironment: () => readEnvironment(migrateEnvironment, process.env),
  schema: secretScanningSchema,
});
