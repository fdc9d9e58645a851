import {
  adminApiFields,
  environmentFields,
  readEnvironment,
  unknownVariables,
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
  /** Logs in as the role of this service, which owns nothing. */
  DATABASE_URL: environmentFields.postgresUrl,
  /** Logs in as the owner of the schema, for migrations. If it is not set, they run under DATABASE_URL. */
  DATABASE_MIGRATION_URL: environmentFields.postgresUrl.optional(),
  REDIS_URL: environmentFields.redisUrl,
  KAFKA_BROKERS: environmentFields.kafkaBrokers,
  KAFKA_TOPIC_PREFIX: environmentFields.kafkaTopicPrefix,
  TOLLGATE_ADMIN_SECRET: environmentFields.bearerSecret,
  /** Still accepted. */
  TOLLGATE_ADMIN_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
  TOLLGATE_SERVICE_SECRET: environmentFields.bearerSecret,
  /** Still accepted, and shown to services that do not know the new one yet. */
  TOLLGATE_SERVICE_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
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
  ...adminApiFields,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

/** The environment of this process. Throws an `EnvironmentError` that names all that is wrong. */
export const readConfig = () => readEnvironment(environment, process.env);

/** Environment variables that look misspelt, or that no service of Tollgate reads. */
export const readUnknown = (): UnknownVariable[] => unknownVariables(process.env, Object.keys(environment.shape));
