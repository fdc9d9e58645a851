import { readEnvironment } from '@tollgate/config';
import { runMigrateCommand } from '@tollgate/postgres';
import { migrateEnvironment } from './config.js';
import { usageBillingSchema } from './store/migrations/index.js';

/** Brings the schema of usage-billing up to date, or waits until it is, and ends: for a job beside the service. */
await runMigrateCommand({
  service: 'usage-billing',
  readEnvironment: () => readEnvironment(migrateEnvironment, process.env),
  schema: usageBillingSchema,
});
