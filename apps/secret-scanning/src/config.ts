import {
  environmentFields,
  kafkaFields,
  listenerFields,
  readEnvironment,
  unknownVariables,
  variablesIn,
  type UnknownVariable,
} from '@tollgate/config';
import { LOG_LEVELS } from '@tollgate/telemetry';
import { z } from 'zod';

/** The environment variables that this app reads, and no others. */
export const environment = z.object({
  TOLLGATE_HOST: environmentFields.host,
  TOLLGATE_PORT: environmentFields.port,
  TOLLGATE_OPERATIONS_HOST: environmentFields.operationsHost,
  TOLLGATE_OPERATIONS_PORT: environmentFields.port,
  ...listenerFields,
  /** Logs in as the role of this service, which owns nothing. */
  DATABASE_URL: environmentFields.postgresUrl,
  DATABASE_PASSWORD: environmentFields.password.optional(),
  /** Logs in as the owner of the schema, for migrations. If it is not set, they run under DATABASE_URL. */
  DATABASE_MIGRATION_URL: environmentFields.postgresUrl.optional(),
  DATABASE_MIGRATION_PASSWORD: environmentFields.password.optional(),
  DATABASE_CA_FILE: environmentFields.caFile.optional(),
  /** Whether this process brings its schema up to date at its start, or waits until another one has. */
  TOLLGATE_MIGRATIONS: environmentFields.migrations,
  ...kafkaFields,
  KEY_MANAGEMENT_URL: environmentFields.httpUrl,
  USAGE_BILLING_URL: environmentFields.httpUrl,
  TOLLGATE_SERVICE_SECRET: environmentFields.bearerSecret,
  /** Still accepted, and shown to services that do not know the new one yet. */
  TOLLGATE_SERVICE_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
  /** Must be the same as key-management's: keys are found by digests that are made with it. */
  TOLLGATE_PEPPER: environmentFields.pepper,
  /** While the pepper is being replaced: keys that are known under it are still found. */
  TOLLGATE_PEPPER_PREVIOUS: environmentFields.pepper.optional(),
  /** Without it mails are written as .eml files under `TOLLGATE_DATA`. */
  SMTP_URL: environmentFields.smtpUrl.optional(),
  SMTP_PASSWORD: environmentFields.password.optional(),
  SMTP_CA_FILE: environmentFields.caFile.optional(),
  TOLLGATE_DATA: z.string().default('.data'),
  TOLLGATE_CONFIG: z.string().default('config.yaml'),
  /** Origin of the gateway as people reach it, for the links in mails. */
  TOLLGATE_PUBLIC_URL: environmentFields.httpUrl.optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

/** The environment variables of `dist/migrate.js`. */
export const migrateEnvironment = environment.pick({
  DATABASE_URL: true,
  DATABASE_PASSWORD: true,
  DATABASE_MIGRATION_URL: true,
  DATABASE_MIGRATION_PASSWORD: true,
  DATABASE_CA_FILE: true,
  TOLLGATE_MIGRATIONS: true,
});

/** The environment of this process. Throws an `EnvironmentError` that names all that is wrong. */
export const readConfig = () => readEnvironment(environment, process.env);

/**
 * Environment variables that look misspelt, or that no service of Tollgate reads. `credentials` are the variables that
 * config.yaml names.
 */
export const readUnknown = (credentials: readonly string[]): UnknownVariable[] =>
  unknownVariables(process.env, [...variablesIn(environment), ...credentials]);
