import { readEnvironment } from '@tollgate/config';
import { runMigrateCommand } from '@tollgate/postgres';
import { migrateEnvironment } from './config.js';
import { keyManagementSchema } from './store/migrations/index.js';

/** Brings the schema of key-management up to date, or waits until it is, and ends: for a job beside the service. */
await runMigrateCommand({
  service: 'key-management',
  readEnvironment: () => readEnvironment(migrateEnvironment, process.env),
  schema: keyManagementSchema,
});
