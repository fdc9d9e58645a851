import {
  adminApiFields,
  environmentFields,
  kafkaFields,
  listenerFields,
  readEnvironment,
  unknownVariables,
  variablesIn,
  type UnknownVariable,
} from '@tollgate/config';
import type { SealingSecrets } from '@tollgate/sealing';
import { LOG_LEVELS } from '@tollgate/telemetry';
import { z } from 'zod';

/** What the encryption keys come from. */
export const sealingFields = {
  TOLLGATE_SERVICE_SECRET: environmentFields.bearerSecret,
  /** Still accepted, and shown to services that do not know the new one yet. */
  TOLLGATE_SERVICE_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
  /** Encrypts the secrets of webhooks. If it is not set, the key is derived from the pepper. */
  TOLLGATE_ENCRYPTION_KEY: environmentFields.encryptionKey.optional(),
  /** What is encrypted under it can still be read; until it is gone, new texts are encrypted under it. */
  TOLLGATE_ENCRYPTION_KEY_PREVIOUS: environmentFields.encryptionKeyPrevious.optional(),
  /** The encryption key is derived from it. Without it, and without a key, from the service secret. */
  TOLLGATE_PEPPER: environmentFields.pepper.optional(),
  TOLLGATE_PEPPER_PREVIOUS: environmentFields.pepper.optional(),
};

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
  REDIS_URL: environmentFields.redisUrl,
  REDIS_PASSWORD: environmentFields.password.optional(),
  REDIS_CA_FILE: environmentFields.caFile.optional(),
  ...kafkaFields,
  TOLLGATE_ADMIN_SECRET: environmentFields.bearerSecret,
  /** Still accepted. */
  TOLLGATE_ADMIN_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
  /**
   * Knows whose API keys and sessions are, and tells a mistyped key id from a key that was never used. Without it only
   * the admin secret is a credential, and both ids show zero usage.
   */
  KEY_MANAGEMENT_URL: environmentFields.httpUrl.optional(),
  /**
   * Milliseconds without a renewed lease after which a gateway counts as gone and its holds are resolved. It must be
   * longer than any pause of a gateway.
   */
  GATEWAY_GONE_AFTER_MS: z
    .string()
    .regex(/^[1-9]\d{3,6}$/, 'must be a number of milliseconds from 1000 on')
    .transform(Number)
    .default(30_000),
  ...sealingFields,
  /** Without it mails are written as .eml files under `TOLLGATE_DATA`. */
  SMTP_URL: environmentFields.smtpUrl.optional(),
  SMTP_PASSWORD: environmentFields.password.optional(),
  SMTP_CA_FILE: environmentFields.caFile.optional(),
  TOLLGATE_DATA: z.string().default('.data'),
  /** Says who mails are from, and whether webhooks may be on private addresses. */
  TOLLGATE_CONFIG: z.string().default('config.yaml'),
  /** Whole months before this one whose usage events are kept. Without it all are. */
  TOLLGATE_USAGE_EVENT_MONTHS: environmentFields.usageEventMonths,
  /** Days for which usage by minute and by hour is kept; that by day and by month is kept for good. */
  TOLLGATE_USAGE_MINUTE_DAYS: environmentFields.usageMinuteDays,
  TOLLGATE_USAGE_HOUR_DAYS: environmentFields.usageHourDays,
  ...adminApiFields,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

/** The environment variables of `npm run ledger:rebuild`. */
export const rebuildEnvironment = environment
  .pick({
    DATABASE_URL: true,
    DATABASE_PASSWORD: true,
    DATABASE_CA_FILE: true,
    REDIS_PASSWORD: true,
    REDIS_CA_FILE: true,
  })
  .extend({
    /** Needed to correct balances: admission loads those of the organisation again. */
    REDIS_URL: environmentFields.redisUrl.optional(),
  });

/** The environment variables of `npm run reseal`. */
export const resealEnvironment = z.object({
  DATABASE_URL: environmentFields.postgresUrl.optional(),
  DATABASE_PASSWORD: environmentFields.password.optional(),
  /** Where the services log in as different roles, or to different databases. */
  USAGE_BILLING_DATABASE_URL: environmentFields.postgresUrl.optional(),
  USAGE_BILLING_DATABASE_PASSWORD: environmentFields.password.optional(),
  DATABASE_CA_FILE: environmentFields.caFile.optional(),
  ...sealingFields,
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

/** The environment variables of each command of this app. */
export const commandEnvironments = {
  'ledger:rebuild': rebuildEnvironment,
  migrate: migrateEnvironment,
  reseal: resealEnvironment,
};

/** The environment of this process. Throws an `EnvironmentError` that names all that is wrong. */
export const readConfig = () => readEnvironment(environment, process.env);

/**
 * Environment variables that look misspelt, or that no service of Tollgate reads. `credentials` are the variables that
 * config.yaml names.
 */
export const readUnknown = (credentials: readonly string[]): UnknownVariable[] =>
  unknownVariables(process.env, [...variablesIn(environment), ...credentials]);

/**
 * The secrets that the encryption keys of an environment come from. All processes of usage-billing must be given the
 * same, since each opens what the others have encrypted.
 */
export const sealingSecrets = (given: z.output<z.ZodObject<typeof sealingFields>>): SealingSecrets => ({
  encryptionKey: given.TOLLGATE_ENCRYPTION_KEY,
  encryptionKeyPrevious: given.TOLLGATE_ENCRYPTION_KEY_PREVIOUS,
  ...(given.TOLLGATE_PEPPER === undefined
    ? { pepper: given.TOLLGATE_SERVICE_SECRET, pepperPrevious: given.TOLLGATE_SERVICE_SECRET_PREVIOUS }
    : { pepper: given.TOLLGATE_PEPPER, pepperPrevious: given.TOLLGATE_PEPPER_PREVIOUS }),
});
