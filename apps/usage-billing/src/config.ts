import { environmentFields, readEnvironment, unknownVariables, type UnknownVariable } from '@tollgate/config';
import { LOG_LEVELS } from '@tollgate/telemetry';
import { z } from 'zod';

/** Every variable that this app knows. */
export const environment = z.object({
  TOLLGATE_HOST: environmentFields.host,
  TOLLGATE_PORT: environmentFields.port,
  TOLLGATE_OPERATIONS_HOST: environmentFields.operationsHost,
  TOLLGATE_OPERATIONS_PORT: environmentFields.port,
  DATABASE_URL: environmentFields.postgresUrl,
  REDIS_URL: environmentFields.redisUrl,
  KAFKA_BROKERS: environmentFields.kafkaBrokers,
  KAFKA_TOPIC_PREFIX: environmentFields.kafkaTopicPrefix,
  TOLLGATE_ADMIN_SECRET: environmentFields.bearerSecret,
  TOLLGATE_SERVICE_SECRET: environmentFields.bearerSecret,
  /** Tells a mistyped key id from a key that was never used; without it both read as unused. */
  KEY_MANAGEMENT_URL: environmentFields.httpUrl.optional(),
  /**
   * Milliseconds a gateway's lease may stand still before its holds are resolved. Longer than any pause of a gateway.
   */
  GATEWAY_GONE_AFTER_MS: z
    .string()
    .regex(/^[1-9]\d{3,6}$/, 'must be a number of milliseconds from 1000 on')
    .transform(Number)
    .default(30_000),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

/** The environment of this process. Throws an `EnvironmentError` that names all that is wrong. */
export const readConfig = () => readEnvironment(environment, process.env);

/** Variables of the environment that are misspelt, or nobody's. */
export const readUnknown = (): UnknownVariable[] => unknownVariables(process.env, Object.keys(environment.shape));
