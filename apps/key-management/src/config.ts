import { PUBLIC_URL_DEFAULT } from '@tollgate/auth';
import { normalEmailAddress } from '@tollgate/http';
import { DEFAULT_KEY_MARKER, KEY_MARKER_PATTERN } from '@tollgate/api-key';
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
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from './people/passwords.js';
import type { KeyManagementSettings } from './ports.js';

/** Who owns the first organisation at first. */
export const firstOwnerFields = {
  INIT_OWNER_EMAIL: z
    .string()
    .transform((text, context) => {
      const email = normalEmailAddress(text);
      if (email !== null) return email;
      context.addIssue({ code: 'custom', message: 'must be one e-mail address, as owner@example.org' });
      return z.NEVER;
    })
    .default('owner@localhost'),
  /** Their first password. Once they have one, it is changed by them alone. */
  INIT_OWNER_PASSWORD: environmentFields.password
    .min(PASSWORD_LENGTH_MIN, `must have at least ${PASSWORD_LENGTH_MIN} characters`)
    .max(PASSWORD_LENGTH_MAX, `must have at most ${PASSWORD_LENGTH_MAX} characters`)
    .optional(),
} as const;

/** The secrets that what is stored is digested and encrypted with. */
export const secretFields = {
  /** Keys are stored as digests made with the pepper: under another pepper no earlier key is recognised. */
  TOLLGATE_PEPPER: environmentFields.pepper,
  /** While the pepper is being replaced: keys that are known under it are still found. */
  TOLLGATE_PEPPER_PREVIOUS: environmentFields.pepper.optional(),
  /** If it is not set, the key is derived from the pepper. */
  TOLLGATE_ENCRYPTION_KEY: environmentFields.encryptionKey.optional(),
  /** What is encrypted under it can still be read; until it is gone, new texts are encrypted under it. */
  TOLLGATE_ENCRYPTION_KEY_PREVIOUS: environmentFields.encryptionKeyPrevious.optional(),
};

/** The secrets that the encryption keys of an environment come from. */
export const sealingSecrets = (environment: z.output<z.ZodObject<typeof secretFields>>): SealingSecrets => ({
  encryptionKey: environment.TOLLGATE_ENCRYPTION_KEY,
  encryptionKeyPrevious: environment.TOLLGATE_ENCRYPTION_KEY_PREVIOUS,
  pepper: environment.TOLLGATE_PEPPER,
  pepperPrevious: environment.TOLLGATE_PEPPER_PREVIOUS,
});

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
  USAGE_BILLING_URL: environmentFields.httpUrl,
  TOLLGATE_ADMIN_SECRET: environmentFields.bearerSecret,
  /** Still accepted. */
  TOLLGATE_ADMIN_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
  TOLLGATE_SERVICE_SECRET: environmentFields.bearerSecret,
  /** Still accepted, and shown to services that do not know the new one yet. */
  TOLLGATE_SERVICE_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
  ...secretFields,
  TOLLGATE_KEY_MARKER: z
    .string()
    .regex(KEY_MARKER_PATTERN, 'must be 8 characters of [0-9A-Za-z]')
    .default(DEFAULT_KEY_MARKER),
  /** Without it mails are written as .eml files under `TOLLGATE_DATA`. */
  SMTP_URL: environmentFields.smtpUrl.optional(),
  SMTP_PASSWORD: environmentFields.password.optional(),
  SMTP_CA_FILE: environmentFields.caFile.optional(),
  TOLLGATE_DATA: z.string().default('.data'),
  /** Says who mails are from. */
  TOLLGATE_CONFIG: z.string().default('config.yaml'),
  ...firstOwnerFields,
  TOLLGATE_SESSION_IDLE_MINUTES: environmentFields.sessionIdleMinutes,
  TOLLGATE_SESSION_HOURS: environmentFields.sessionHours,
  TOLLGATE_OIDC_PRIVATE_NETWORK: environmentFields.oidcPrivateNetwork,
  TOLLGATE_DNS_SERVERS: environmentFields.dnsServers,
  ...adminApiFields,
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

const databaseFields = environment.pick({ DATABASE_URL: true, DATABASE_PASSWORD: true, DATABASE_CA_FILE: true });

/** The environment variables of `npm run audit:verify`. */
export const auditVerifyEnvironment = databaseFields;

/** The environment variables of `npm run reseal`. */
export const resealEnvironment = databaseFields.extend(secretFields);

/** The environment variables of `npm run owner-link`. */
export const ownerLinkEnvironment = databaseFields.extend({
  TOLLGATE_PUBLIC_URL: environmentFields.publicUrl.default(PUBLIC_URL_DEFAULT),
  INIT_OWNER_EMAIL: firstOwnerFields.INIT_OWNER_EMAIL,
});

/** The environment variables of each command of this app. */
export const commandEnvironments = {
  'audit:verify': auditVerifyEnvironment,
  migrate: migrateEnvironment,
  'owner-link': ownerLinkEnvironment,
  reseal: resealEnvironment,
};

/**
 * Environment variables that look misspelt, or that no service of Tollgate reads. `credentials` are the variables that
 * config.yaml names.
 */
export const readUnknown = (credentials: readonly string[]): UnknownVariable[] =>
  unknownVariables(process.env, [...variablesIn(environment), ...credentials]);

/** The settings about people, as the environment says them. */
export function peopleSettings(
  given: Readonly<Record<'TOLLGATE_SESSION_IDLE_MINUTES' | 'TOLLGATE_SESSION_HOURS', number>> & {
    readonly INIT_OWNER_EMAIL: string;
    readonly INIT_OWNER_PASSWORD?: string | undefined;
  },
): Pick<KeyManagementSettings, 'initOwnerEmail' | 'initOwnerPassword' | 'sessions'> {
  return {
    initOwnerEmail: given.INIT_OWNER_EMAIL,
    initOwnerPassword: given.INIT_OWNER_PASSWORD ?? null,
    sessions: {
      idleMs: given.TOLLGATE_SESSION_IDLE_MINUTES * 60_000,
      lifeMs: given.TOLLGATE_SESSION_HOURS * 3_600_000,
    },
  };
}
