import { DEFAULT_KEY_MARKER, KEY_MARKER_PATTERN } from '@tollgate/api-key';
import {
  adminApiFields,
  environmentFields,
  publicListenerFields,
  readEnvironment,
  secretVariable,
  unknownVariables,
  variablesIn,
  type UnknownVariable,
} from '@tollgate/config';
import { firstOwnerFields } from '@tollgate/key-management';
import { LOG_LEVELS } from '@tollgate/telemetry';
import { z } from 'zod';

/**
 * Variables that only the distributed services read. If one is set for the standalone, the operator has probably
 * misunderstood something, so the greeting says that it is not used.
 */
export const DISTRIBUTED_ONLY = ['REDIS_URL', 'KAFKA_BROKERS'] as const;

/** The environment variables that the standalone reads, and no others. */
export const environment = z
  .object({
    TOLLGATE_HOST: environmentFields.host,
    TOLLGATE_PORT: environmentFields.port.default(8080),
    TOLLGATE_OPERATIONS_HOST: environmentFields.operationsHost,
    TOLLGATE_OPERATIONS_PORT: environmentFields.port.default(0),
    ...publicListenerFields,
    TOLLGATE_DATA: z.string().default('.data'),
    TOLLGATE_CONFIG: z.string().default('config.yaml'),
    /** `on`: a simulator answers for all providers; `off`: for none; unset: only if no real provider is configured. */
    TOLLGATE_SIMULATOR: z.enum(['on', 'off'], 'must be on or off').optional(),
    /** Where the simulator takes leaks to report: on loopback and a free port, which the greeting prints. */
    TOLLGATE_LEAK_HOST: environmentFields.operationsHost,
    TOLLGATE_LEAK_PORT: environmentFields.port.default(0),
    /** If it is not set, the first start makes one and shows it once. */
    TOLLGATE_ADMIN_SECRET: environmentFields.bearerSecret.optional(),
    /** Accepted beside the present one: that of the environment, or the one that the data folder keeps. */
    TOLLGATE_ADMIN_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
    /** If it is not set, the first start makes one and keeps it in the data folder. */
    TOLLGATE_PEPPER: environmentFields.pepper.optional(),
    /** While the pepper is being replaced: keys that are known under it are still found. */
    TOLLGATE_PEPPER_PREVIOUS: environmentFields.pepper.optional(),
    /** If it is not set, the key is derived from the pepper. */
    TOLLGATE_ENCRYPTION_KEY: environmentFields.encryptionKey.optional(),
    /** What is encrypted under it can still be read. */
    TOLLGATE_ENCRYPTION_KEY_PREVIOUS: environmentFields.encryptionKeyPrevious.optional(),
    TOLLGATE_KEY_MARKER: z
      .string()
      .regex(KEY_MARKER_PATTERN, 'must be 8 characters of [0-9A-Za-z]')
      .default(DEFAULT_KEY_MARKER),
    /** The standalone is one process: more workers need the distributed shape. */
    GATEWAY_WORKERS: z.literal('1', 'must be 1: run the services on their own for more').default('1'),
    DATABASE_URL: environmentFields.postgresUrl.optional(),
    DATABASE_PASSWORD: environmentFields.password.optional(),
    DATABASE_CA_FILE: environmentFields.caFile.optional(),
    /** Migrations run under it. If it is not set, they run under DATABASE_URL, which may own the schemas. */
    DATABASE_MIGRATION_URL: environmentFields.postgresUrl.optional(),
    DATABASE_MIGRATION_PASSWORD: environmentFields.password.optional(),
    SMTP_URL: environmentFields.smtpUrl.optional(),
    SMTP_PASSWORD: environmentFields.password.optional(),
    SMTP_CA_FILE: environmentFields.caFile.optional(),
    ...firstOwnerFields,
    TOLLGATE_SESSION_IDLE_MINUTES: environmentFields.sessionIdleMinutes,
    TOLLGATE_SESSION_HOURS: environmentFields.sessionHours,
    TOLLGATE_OIDC_PRIVATE_NETWORK: environmentFields.oidcPrivateNetwork,
    TOLLGATE_DNS_SERVERS: environmentFields.dnsServers,
    TOLLGATE_USAGE_EVENT_MONTHS: environmentFields.usageEventMonths,
    TOLLGATE_USAGE_MINUTE_DAYS: environmentFields.usageMinuteDays,
    TOLLGATE_USAGE_HOUR_DAYS: environmentFields.usageHourDays,
    ...adminApiFields,
    LOG_LEVEL: z.enum(LOG_LEVELS).default('warn'),
    REDIS_URL: secretVariable(z.string()).optional(),
    KAFKA_BROKERS: z.string().optional(),
  })
  .refine(
    ({ TOLLGATE_PORT, TOLLGATE_OPERATIONS_PORT }) => TOLLGATE_PORT !== TOLLGATE_OPERATIONS_PORT || TOLLGATE_PORT === 0,
    {
      path: ['TOLLGATE_OPERATIONS_PORT'],
      message: 'must be another port than TOLLGATE_PORT',
    },
  );

/** The environment of this process. Throws an `EnvironmentError` that names all that is wrong. */
export const readConfig = () => readEnvironment(environment, process.env);

/**
 * Environment variables that look misspelt, or that no service of Tollgate reads. `credentials` are the variables that
 * config.yaml names.
 */
export const readUnknown = (credentials: readonly string[]): UnknownVariable[] =>
  unknownVariables(process.env, [...variablesIn(environment), ...credentials]);
/** The environment of a standalone, as its schema has read it. */
export type StandaloneEnvironment = ReturnType<typeof readConfig>;
